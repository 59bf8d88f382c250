from authserver.cli import main

main(prog_name="authserver")

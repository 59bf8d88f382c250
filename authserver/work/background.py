"""All that runs beside requests: jobs under leases, mails on their way, apps that are told of a sign-out."""

from authserver.issuer import Issuer
from authserver.work.deliver import Delivery
from authserver.work.loop import Loop
from authserver.work.tell_apps import TellApps


def begin(issuer: Issuer) -> Loop:
    """Start to deliver and to tell; the loop of jobs is the caller's to run or to start, and its stop ends all."""
    loop = Loop(issuer=issuer)
    Delivery(issuer=issuer, stopped=loop.stopped).start()
    TellApps(issuer=issuer, stopped=loop.stopped).start()
    return loop

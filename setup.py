"""Packaging is in pyproject.toml; here is what it cannot say: migrations/ ships as authserver.migrations."""

from setuptools import find_packages, setup

STEPS = "authserver.migrations"

setup(
    packages=[*find_packages(include=["authserver", "authserver.*"]), STEPS, f"{STEPS}.versions"],
    package_dir={STEPS: "migrations"},
)

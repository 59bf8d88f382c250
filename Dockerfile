FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/authserver

# What changes seldom first, so that a new version of ours builds in seconds.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

COPY pyproject.toml setup.py README.md ./
COPY authserver ./authserver
COPY migrations ./migrations
RUN pip install --no-deps .

RUN install -d -m 0700 -o 10001 -g 10001 /var/lib/authserver
USER 10001:10001
VOLUME /var/lib/authserver

# The issuer, the master key and the database are the operator's to say: see docs/guide/production.md.
ENV AUTHSERVER_DATA_DIR=/var/lib/authserver AUTHSERVER_ENVIRONMENT=production \
    AUTHSERVER_BIND=0.0.0.0:8000 AUTHSERVER_METRICS_BIND=0.0.0.0:9000 AUTHSERVER_LOG_FORMAT=json
EXPOSE 8000 9000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["authserver", "serve"]

# The image of what development needs beside the services: the contracts with their compiler, the preparation
# (`stemma prepare`) and the development chain (`stemma anvil`). Not for production.
#
#   docker build --file docker/development.Dockerfile .

ARG PYTHON=python:3.11.15-slim-bookworm
ARG NODE=node:20.20.2-bookworm-slim

FROM ${NODE} AS node
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The lock file holds anvil for x86_64; elsewhere the same version is taken unlocked.
RUN npm ci --omit=dev --no-audit --no-fund \
 && if [ "$(uname -m)" = aarch64 ]; then \
      npm install --no-save --no-audit --no-fund "@foundry-rs/anvil-linux-arm64@$(node -p \
        'require("./package.json").optionalDependencies["@foundry-rs/anvil-linux-amd64"]')"; \
    fi
COPY scripts/install_solc.mjs scripts/solc_shim.cjs scripts/
RUN node scripts/install_solc.mjs

FROM ${PYTHON} AS development
RUN pip install --no-cache-dir uv==0.13.9 \
 && uv venv --python /usr/local/bin/python /opt/stemma \
 && groupadd --gid 10001 stemma \
 && useradd --uid 10001 --gid stemma --create-home --shell /usr/sbin/nologin stemma \
 && install --directory --owner stemma --group stemma --mode 0700 /var/lib/stemma \
    /var/lib/stemma/chain /var/lib/stemma/deployments /var/lib/stemma/secrets
ENV VIRTUAL_ENV=/opt/stemma UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 \
    PATH=/opt/stemma/bin:/app/node_modules/.bin:/usr/local/bin:/usr/bin:/bin \
    SOLCX_BINARY_PATH=/app/.build/solc PYTHONUNBUFFERED=1
WORKDIR /app
COPY docker/development.lock docker/
RUN uv pip install --no-deps --require-hashes --requirement docker/development.lock \
 && uv pip install setuptools==84.2.1
COPY --from=node /usr/local/bin/node /usr/local/bin/
COPY --from=node --chown=10001:10001 /app/ ./
COPY pyproject.toml README.md LICENSE ape-config.yaml ./
COPY stemma/ stemma/
COPY api/ api/
COPY indexer/ indexer/
COPY stack/ stack/
COPY scripts/ scripts/
COPY --chown=10001:10001 contracts/ contracts/
# Compiling writes beside the sources, and only here: a start finds everything compiled.
RUN uv pip install --no-deps --no-build-isolation --editable . \
 && chown 10001:10001 /app
USER 10001:10001
RUN ape compile
CMD ["stemma", "prepare"]

# The images of the services. Targets: api (which api-jobs runs from as well), indexer, worker, worker-with-weights.
#
#   docker build --file docker/services.Dockerfile --target api .
#
# services.Dockerfile.dockerignore lets in what they need and nothing else: no stack/, no contracts/, no tests/.

ARG PYTHON=python:3.11.15-slim-bookworm

# --- What builds ---------------------------------------------------------------------------------------------------
FROM ${PYTHON} AS builder
RUN pip install --no-cache-dir uv==0.13.9 setuptools==84.2.1 \
 && uv venv --python /usr/local/bin/python /opt/stemma
ENV VIRTUAL_ENV=/opt/stemma UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1
WORKDIR /src

FROM builder AS api-build
COPY docker/api.lock ./
RUN uv pip install --no-deps --require-hashes --requirement api.lock
COPY pyproject.toml README.md LICENSE ./
COPY stemma/ stemma/
COPY api/ api/
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && uv pip install --no-deps /wheels/*.whl

FROM builder AS indexer-build
COPY docker/indexer.lock ./
RUN uv pip install --no-deps --require-hashes --requirement indexer.lock
COPY pyproject.toml README.md LICENSE ./
COPY stemma/ stemma/
COPY indexer/ indexer/
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && uv pip install --no-deps /wheels/*.whl

FROM builder AS worker-build
COPY docker/worker.lock ./
RUN uv pip install --no-deps --require-hashes --requirement worker.lock
# cpu, or the CUDA of the machine's driver, such as cu130.
ARG TORCH_BACKEND=cpu
RUN uv pip install --torch-backend "${TORCH_BACKEND}" torch==2.13.0
COPY pyproject.toml README.md LICENSE ./
COPY stemma/ stemma/
COPY stem_worker/ stem_worker/
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && uv pip install --no-deps /wheels/*.whl

# --- What runs -----------------------------------------------------------------------------------------------------
FROM ${PYTHON} AS runtime
# A new volume takes the owner of the folder that it is mounted on.
RUN groupadd --gid 10001 stemma \
 && useradd --uid 10001 --gid stemma --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin stemma \
 && install --directory --owner stemma --group stemma --mode 0700 /scratch /var/lib/stemma \
    /var/lib/stemma/deployments /var/lib/stemma/files /var/lib/stemma/models /var/lib/stemma/secrets
ENV PATH=/opt/stemma/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/stemma
USER 10001:10001

FROM runtime AS api
COPY --from=api-build /opt/stemma /opt/stemma
EXPOSE 8000
CMD ["stemma", "api"]

FROM runtime AS indexer
COPY --from=indexer-build /opt/stemma /opt/stemma
CMD ["stemma", "indexer", "run"]

FROM runtime AS worker
COPY --from=worker-build /opt/stemma /opt/stemma
# Decoded songs are large. The driver's part of CUDA comes from the machine, for a build with CUDA.
ENV TMPDIR=/scratch NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["stemma", "worker"]

# The operator's weights take the place of this stage: --build-context weights=FOLDER.
FROM scratch AS weights

FROM worker AS worker-with-weights
USER root
RUN --mount=type=bind,from=weights,target=/weights \
    python -m stem_worker.cache_weights /weights /opt/models
USER 10001:10001
ENV STEM_MODEL=htdemucs_6s STEM_MODEL_REPO=/opt/models

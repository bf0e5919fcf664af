# syntax=docker/dockerfile:1

# The pages, which the program carries inside it.
FROM node:22-bookworm-slim AS pages
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY web ./
COPY docs/openapi.json ../docs/openapi.json
RUN mkdir -p ../dashboard && npm run build

# Built with a C++ compiler, because DuckDB's library is linked in.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
COPY --from=pages /src/dashboard/dist dashboard/dist
ARG VERSION=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/lifeline ./cmd/lifeline

# The same Debian as the build, so that libc and libstdc++ match.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libstdc++6 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/lifeline --create-home lifeline
COPY --from=build /out/lifeline /usr/local/bin/lifeline
COPY examples /usr/share/lifeline/examples

# The only folder it writes to: a DuckDB warehouse, if there is one, lives here.
USER lifeline
WORKDIR /var/lib/lifeline
VOLUME /var/lib/lifeline
ENV LIFELINE_PROJECT=/usr/share/lifeline/examples/carepay
ENTRYPOINT ["lifeline"]
CMD ["--help"]

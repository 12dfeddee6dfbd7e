# The image holds the static binary and the certificates to trust, nothing
# else: no shell, no package manager, no user but 65532.
#
#   docker build --build-arg VERSION=1.2.3 -t outpost .
#   docker run --read-only --cap-drop all --security-opt no-new-privileges \
#       -v ./outpost.yaml:/config/outpost.yaml:ro -v outpost:/data outpost
#
# That path is where the file is looked for; OUTPOST_* variables do without one.
#
# BUILDER may be any image that has Go, sh and the CA certificates.
ARG BUILDER=docker.io/library/golang:1.26

# The compiler runs as the machine that builds and writes for the one that runs.
FROM --platform=$BUILDPLATFORM ${BUILDER} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=development
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/outpost ./cmd/outpost \
    && mkdir -p /out/config /out/writable \
    && mkdir -m 0700 /out/writable/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/outpost /outpost
COPY --from=build /out/config /config
# A folder that is copied itself, not only what is in it, keeps its mode.
COPY --from=build --chown=65532:65532 /out/writable/ /
# Sessions and the generated secret: keep it, and keep it to yourself.
VOLUME /data
# 9000 for nginx, 9443 for one that asks by https (tls.listen), 9300 for metrics and health.
EXPOSE 9000 9443 9300
# Or root, with PUID and PGID, whose user the process becomes: docs/listeners.md.
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/outpost", "healthcheck"]
ENTRYPOINT ["/outpost"]

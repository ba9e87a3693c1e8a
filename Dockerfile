# The image of the controller: built on Debian slim, and nothing in it but the program, the libraries
# that ldd names, and the loader. `scripts/image` makes the same without a container engine.
#   docker buildx build --platform linux/amd64,linux/arm64 -t memgraph-controller:0.1.0 .
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts/setup scripts/
RUN scripts/setup build
COPY . .
RUN meson setup /build -Dbuildtype=release && ninja -C /build memgraph-controller \
    && scripts/image-root /image /build/memgraph-controller

FROM scratch
LABEL org.opencontainers.image.title="memgraph-controller" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
ENV PATH=/usr/bin
USER 65532:65532
EXPOSE 7687 7688 8080
ENTRYPOINT ["/usr/bin/memgraph-controller"]

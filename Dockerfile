# The image of the packaged jar: ./mvnw package && docker build --tag iothread-inventory .
#
# What it runs with was found by measuring (.ci/footprint). Throughput is traded for memory
# and for the start: the first compiler only and that late, a heap of 48 MB at most, and what malloc has
# to spare given back each second. The cache has no profiles of methods, which that compiler does
# not use, and a node of many cores gets no more threads than one of two.

FROM docker.io/library/eclipse-temurin:25 AS build
WORKDIR /build

# A runtime with the modules that the service uses, and the libraries that it needs: nothing else
# is in the image, not even a shell.
RUN jlink --output /image/opt/java --no-header-files --no-man-pages --add-modules \
        java.base,java.desktop,java.instrument,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.sql,java.xml,jdk.jfr,jdk.management,jdk.net,jdk.unsupported \
    && rm /image/opt/java/lib/libawt_xawt.so /image/opt/java/lib/libsplashscreen.so /image/opt/java/lib/libjsound.so \
    && ldd /image/opt/java/bin/java /image/opt/java/lib/server/libjvm.so /image/opt/java/lib/*.so \
        | awk '$1 ~ "^/lib.*/ld-" { print $1 } $2 == "=>" && $3 ~ "^/(usr/)?lib" { print $3 }' \
        | sort --unique | tar --create --dereference --files-from - --file - | tar --extract --directory /image \
    && /image/opt/java/bin/java -XX:+UseSerialGC -Xshare:dump \
    && mkdir -p -m 1777 /image/tmp && mkdir -p /image/etc /image/run/qemu \
    && echo 'iothreads:x:10001:10001::/:/sbin/nologin' > /image/etc/passwd \
    && echo 'iothreads:x:10001:' > /image/etc/group

COPY src/image/ tools/
RUN javac -d /tools tools/*.java && mkdir -p /image/opt/probe && mv /tools/Probe*.class /image/opt/probe/

# The dependencies change seldom and the service often: a layer for each. Tomcat gets the
# directories that it would otherwise make, so that the service needs no place to write to.
COPY target/iothread-inventory-*.jar service.jar
RUN java -Djarmode=tools -jar service.jar extract --layers --destination layers \
    && mkdir -p /dependencies /service/public /service/tomcat/work/Tomcat/localhost/ROOT \
    && mv layers/dependencies/lib /dependencies/ \
    && mv layers/application/service.jar /service/iothread-inventory.jar

# Spring prepares the context ahead of time, on the JDK that the service will run on.
RUN java -cp '/service/iothread-inventory.jar:/dependencies/lib/*' \
        org.springframework.boot.SpringApplicationAotProcessor dev.iothreads.IOThreadInventoryApplication \
        aot/sources aot/resources aot/classes dev.iothreads iothread-inventory > aot.log || { cat aot.log; exit 1; } \
    && find aot/sources -name '*.java' > sources \
    && javac -nowarn -proc:none -cp '/service/iothread-inventory.jar:/dependencies/lib/*' -d aot/classes @sources \
    && jar --update --file /service/iothread-inventory.jar -C aot/classes . -C aot/resources .


FROM scratch
COPY --from=build /image/ /
COPY --from=build /dependencies/ /application/
COPY src/image/jvm.flags /application/
COPY --from=build /service/ /application/
WORKDIR /application

# Behind a container's port an address of loopback would be reached by nobody.
ENV PATH=/opt/java/bin \
    LANG=C.UTF-8 \
    SERVER_ADDRESS=0.0.0.0 \
    LOGGING_STRUCTURED_FORMAT_CONSOLE=ecs \
    SERVER_TOMCAT_BASEDIR=/application/tomcat

# The cache fits these very files at these very paths only, and is refused in silence otherwise.
RUN --mount=type=bind,from=build,source=/tools,target=/tools --mount=type=tmpfs,target=/tmp \
    ["java", "-cp", "/tools", "Train", "/application/application.aot", "java", "-XX:Flags=/application/jvm.flags", "-Dspring.aot.enabled=true", "-jar", "/application/iothread-inventory.jar"]

USER 10001:10001
EXPOSE 8080
# Asks for the process only: a machine that is down is no reason to restart the service. It asks
# where SERVER_PORT says, by HTTPS when SERVER_SSL_BUNDLE is set. Where a mounted application.yaml
# says it instead, name the whole address by --health-cmd.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["java", "-XX:Flags=/application/jvm.flags", "-cp", "/opt/probe", "Probe", "/actuator/health/liveness"]
ENTRYPOINT ["java", "-XX:Flags=/application/jvm.flags", "-XX:AOTCache=/application/application.aot", "-Dspring.aot.enabled=true", "-jar", "/application/iothread-inventory.jar"]

ARG VERSION=0.1.0-SNAPSHOT
# Of what it was built: --build-arg REVISION=$(git rev-parse HEAD) --build-arg SOURCE=https://…
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="iothread-inventory" \
      org.opencontainers.image.description="The IOThreads of QEMU virtual machines over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="docker.io/library/eclipse-temurin:25"

/**
 * A client of libvirt's RPC and nothing else: frames, XDR, calls with serials, events,
 * deadlines, the state of the connection (source: libvirt's {@code virnetprotocol.x},
 * {@code remote_protocol.x}, {@code qemu_protocol.x}). It knows no IOThread and needs
 * only the JDK.
 */
@NullMarked
package dev.iothreads.libvirt.rpc;

import org.jspecify.annotations.NullMarked;

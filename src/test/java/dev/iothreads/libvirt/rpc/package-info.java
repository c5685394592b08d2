/**
 * The RPC client with a daemon that follows a script, and with a real one.
 */
@NullMarked
package dev.iothreads.libvirt.rpc;

import org.jspecify.annotations.NullMarked;

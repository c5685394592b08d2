package dev.iothreads.libvirt.rpc;

/**
 * An event that was registered for.
 *
 * @param procedure says which
 * @param body what comes with it
 */
public record RpcEvent(Procedure procedure, XdrReader body) {

}

package dev.iothreads.libvirt;

import java.util.UUID;

import dev.iothreads.libvirt.rpc.XdrReader;
import dev.iothreads.libvirt.rpc.XdrWriter;

/**
 * How libvirt names a domain.
 *
 * @param name its name, which may change
 * @param uuid its UUID, by which libvirt finds it
 * @param id the number of its present run, -1 when it does not run
 */
record Domain(String name, UUID uuid, int id) {

	static Domain read(XdrReader in) {
		return new Domain(in.string(), in.uuid(), in.number());
	}

	XdrWriter write(XdrWriter out) {
		return out.string(this.name).uuid(this.uuid).number(this.id);
	}

}

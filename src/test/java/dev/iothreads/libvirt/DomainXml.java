package dev.iothreads.libvirt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The XML of a small TCG domain: a q35 machine with eight free PCIe ports and no guest.
 */
public final class DomainXml {

	private static final int PORTS = 8;

	private final String name;

	private final UUID uuid = UUID.randomUUID();

	private final List<String> devices = new ArrayList<>();

	private String iothreads = "";

	private String title = "";

	private String commandline = "";

	private DomainXml(String name) {
		this.name = name;
	}

	/**
	 * Begins a domain.
	 * @param name its name
	 * @return the domain, without IOThreads and devices
	 */
	public static DomainXml named(String name) {
		return new DomainXml(name);
	}

	String name() {
		return this.name;
	}

	UUID uuid() {
		return this.uuid;
	}

	/**
	 * Gives it IOThreads 1 to {@code count}.
	 * @param count how many
	 * @return this domain
	 */
	public DomainXml iothreads(int count) {
		this.iothreads = "<iothreads>" + count + "</iothreads>";
		return this;
	}

	DomainXml title(String text) {
		this.title = "<title>" + text + "</title>";
		return this;
	}

	/**
	 * Gives it a virtio disk on an IOThread.
	 * @param image the image's file
	 * @param target its name in the guest, such as {@code vda}
	 * @param iothread the IOThread's number, 0 for none
	 * @return this domain
	 */
	public DomainXml disk(Path image, String target, int iothread) {
		return device("""
				<disk type='file' device='disk'><driver name='qemu' type='raw'%s/><source file='%s'/>\
				<target dev='%s' bus='virtio'/></disk>"""
			.formatted((iothread > 0) ? " iothread='" + iothread + "'" : "", image, target));
	}

	DomainXml device(String xml) {
		this.devices.add(xml);
		return this;
	}

	/**
	 * Passes arguments to QEMU that libvirt knows nothing of.
	 */
	DomainXml qemu(String... args) {
		StringBuilder xml = new StringBuilder("<qemu:commandline>");
		for (String arg : args) {
			xml.append("<qemu:arg value='").append(arg).append("'/>");
		}
		this.commandline = xml.append("</qemu:commandline>").toString();
		return this;
	}

	@Override
	public String toString() {
		return """
				<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
				<name>%s</name><uuid>%s</uuid>%s<memory unit='MiB'>64</memory><vcpu>1</vcpu>%s
				<os><type arch='x86_64' machine='q35'>hvm</type></os>
				<features><acpi/></features>
				<devices>
				<emulator>/usr/bin/qemu-system-x86_64</emulator>
				<controller type='pci' model='pcie-root'/>
				%s
				<controller type='usb' model='none'/>
				<memballoon model='none'/>
				%s
				</devices>
				%s
				</domain>
				""".formatted(this.name, this.uuid, this.title, this.iothreads,
				"<controller type='pci' model='pcie-root-port'/>".repeat(PORTS), String.join("\n", this.devices),
				this.commandline);
	}

}

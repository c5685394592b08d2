package dev.iothreads.libvirt;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.iothreads.machine.ChangeRefusedException;
import dev.iothreads.machine.ChangeRefusedException.Reason;
import dev.iothreads.machine.DeviceProperty;
import dev.iothreads.machine.ImageProperty;
import dev.iothreads.machine.InvalidRequestException;
import dev.iothreads.machine.NewDevice;
import dev.iothreads.machine.NewImage;

/**
 * The XML of a disk to be attached (docs: formatdomain.html, hard drives).
 *
 * @param machine the machine's name in messages
 * @param version libvirt's version
 * @param device the disk
 */
record DiskXml(String machine, long version, NewDevice device) {

	/** What the aliases begin with that libvirt leaves to others. */
	static final String USER_ALIAS = "ua-";

	private static final Pattern TARGET = Pattern.compile("vd[a-z]{1,2}");

	private static final int LETTERS = 26;

	private static final int MOST_DISKS = 702;

	private static final Map<String, String> MODELS = Map.of("virtio-blk-pci", "", "virtio-blk-pci-transitional",
			" model='virtio-transitional'", "virtio-blk-pci-non-transitional", " model='virtio-non-transitional'",
			"virtio-blk-ccw", "");

	private static final Map<DeviceProperty, String> OPTIONS = Map.of(DeviceProperty.NUM_QUEUES, "queues",
			DeviceProperty.QUEUE_SIZE, "queue_size");

	/**
	 * Writes it.
	 * @param live the domain as it runs
	 * @param defined the domain as it is defined
	 * @throws InvalidRequestException when it asks for what no disk of libvirt's has
	 * @throws ChangeRefusedException when this libvirt does not have what it asks for
	 */
	String write(DomainDescription live, DomainDescription defined) {
		NewImage image = this.device.image();
		if (image == null) {
			throw new InvalidRequestException("image",
					"%s is libvirt's, and so are its block nodes: give an image, such as {\"file\": \"/path/disk.qcow2\", \"format\": \"qcow2\"}."
						.formatted(this.machine));
		}
		String model = MODELS.get(this.device.driver());
		if (model == null || this.device.bus() != null) {
			throw new ChangeRefusedException(Reason.NOT_SUPPORTED,
					"Through libvirt a virtio-blk disk can be attached, on a bus that libvirt chooses. Leave %s out."
						.formatted((model == null) ? "driver" : "bus"));
		}
		// libvirt follows what the header names.
		if (image.format().equals("qcow2")) {
			image.directories().requireOwnChain(image);
		}
		String kind = image.blockDevice() ? "block" : "file";
		StringBuilder xml = new StringBuilder("<disk type='").append(kind)
			.append("' device='disk'")
			.append(model)
			.append("><driver name='qemu' type='")
			.append(image.format())
			.append('\'');
		image.properties().forEach((property, value) -> {
			if (property == ImageProperty.LOCKING) {
				throw new ChangeRefusedException(Reason.NOT_SUPPORTED,
						"locking cannot be given to a disk that libvirt attaches. Leave it out.");
			}
			if (property != ImageProperty.FORMAT) {
				xml.append(' ')
					.append((property == ImageProperty.AIO) ? "io" : property.qemuName().replace('-', '_'))
					.append("='")
					.append(value)
					.append('\'');
			}
		});
		OPTIONS.forEach((property, option) -> {
			Object value = this.device.properties().get(property);
			if (value != null) {
				xml.append(' ').append(option).append("='").append(value).append('\'');
			}
		});
		xml.append(iothreads())
			.append("<source ")
			.append(image.blockDevice() ? "dev" : "file")
			.append("='")
			.append(escape(image.file()))
			.append("'/>");
		xml.append("<target dev='").append(target(live, defined)).append("' bus='virtio'/>");
		this.device.properties().forEach((property, value) -> {
			if (property == DeviceProperty.SERIAL) {
				xml.append("<serial>").append(escape(String.valueOf(value))).append("</serial>");
			}
			else if (!OPTIONS.containsKey(property)) {
				throw new ChangeRefusedException(Reason.NOT_SUPPORTED,
						"%s cannot be given to a disk that libvirt attaches. Leave it out."
							.formatted(property.qemuName()));
			}
		});
		return xml.append(image.readOnly() ? "<readonly/>" : "")
			.append("<alias name='")
			.append(escape(this.device.id()))
			.append("'/></disk>")
			.toString();
	}

	private String iothreads() {
		List<String> numbers = this.device.iothreads()
			.stream()
			.map((id) -> id.substring(LibvirtMachine.PREFIX.length()))
			.toList();
		if (numbers.size() == 1) {
			return " iothread='%s'/>".formatted(numbers.get(0));
		}
		// An older libvirt ignores it and puts the disk on no IOThread.
		if (this.version < Hypervisor.MAPPING) {
			throw new ChangeRefusedException(Reason.NOT_SUPPORTED,
					"libvirt spreads a disk over several IOThreads from 10.0 on, and this is %d.%d. Name one IOThread."
						.formatted(this.version / 1_000_000, this.version / 1000 % 1000));
		}
		return numbers.stream()
			.map("<iothread id='%s'/>"::formatted)
			.collect(Collectors.joining("", "><iothreads>", "</iothreads></driver>"));
	}

	private String target(DomainDescription live, DomainDescription defined) {
		Set<String> taken = Stream.of(live, defined)
			.flatMap((description) -> description.disks().stream())
			.map(DomainDescription.KnownDisk::target)
			.collect(Collectors.toSet());
		String wanted = this.device.target();
		if (wanted == null) {
			return freeTarget(taken);
		}
		if (!TARGET.matcher(wanted).matches()) {
			throw new InvalidRequestException("target",
					"It must be vd and one or two letters from a to z, such as vdb.");
		}
		if (taken.contains(wanted)) {
			throw new ChangeRefusedException(Reason.DEVICE_EXISTS,
					"%s has a disk with the target %s already, or is defined with one. The first that is free is %s."
						.formatted(this.machine, wanted, freeTarget(taken)));
		}
		return wanted;
	}

	private static String freeTarget(Set<String> taken) {
		for (int number = 0; number < MOST_DISKS; number++) {
			String letters = (number < LETTERS) ? "" : String.valueOf((char) ('a' + number / LETTERS - 1));
			String target = "vd" + letters + (char) ('a' + number % LETTERS);
			if (!taken.contains(target)) {
				return target;
			}
		}
		throw new InvalidRequestException("image",
				"The machine has %d disks, and no further one.".formatted(MOST_DISKS));
	}

	private static String escape(String text) {
		return text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;");
	}

}

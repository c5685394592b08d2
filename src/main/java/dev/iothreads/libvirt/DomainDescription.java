package dev.iothreads.libvirt;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;

import dev.iothreads.machine.Disk;
import dev.iothreads.machine.IOThreadProperty;
import dev.iothreads.machine.IOThreadSettings;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/**
 * What a domain's XML says (docs: formatdomain.html).
 *
 * @param name its name
 * @param title its title, {@code null} when it has none
 * @param iothreads what is set of its IOThreads, by libvirt's numbers
 * @param devices the devices that can run on IOThreads
 * @param disks its disks
 * @param arguments what libvirt only passes on to QEMU
 */
record DomainDescription(String name, @Nullable String title, Map<Long, IOThreadSettings> iothreads,
		List<KnownDevice> devices, List<KnownDisk> disks, List<String> arguments) {

	static final String IOTHREAD = "iothread";

	static final String PERIPHERAL = "/machine/peripheral/";

	private static final Pattern SOCKET = Pattern.compile("(?:^unix:|(?:^|,)path=)((?:[^,]|,,)+)");

	/**
	 * Reads the XML of a domain.
	 * @throws IllegalArgumentException if it is no such XML
	 */
	static DomainDescription parse(String xml) {
		Element domain = root(xml);
		List<Element> all = children(child(domain, "devices"), "*").toList();
		List<KnownDevice> devices = new ArrayList<>();
		Map<String, String> controllers = new LinkedHashMap<>();
		for (Element device : all) {
			String driver = driver(device);
			String alias = attribute(device, "alias", "name");
			if (driver != null && alias != null) {
				KnownDevice known = new KnownDevice(alias, driver, worker(driver, alias),
						iothreads(child(device, "driver")));
				devices.add(known);
				if (device.getTagName().equals("controller")) {
					controllers.put(device.getAttribute("index"), known.worker());
				}
			}
		}
		List<KnownDisk> disks = all.stream()
			.filter((device) -> device.getTagName().equals("disk"))
			.map((disk) -> disk(disk, controllers))
			.toList();
		List<String> arguments = children(child(domain, "qemu:commandline"), "qemu:arg")
			.map((argument) -> argument.getAttribute("value"))
			.toList();
		return new DomainDescription(text(domain, "name"),
				text(domain, "title").isEmpty() ? null : text(domain, "title"), settings(domain), devices, disks,
				arguments);
	}

	private static KnownDisk disk(Element disk, Map<String, String> controllers) {
		String target = attribute(disk, "target", "dev");
		String driver = driver(disk);
		String alias = attribute(disk, "alias", "name");
		String worker = (driver != null && alias != null) ? worker(driver, alias)
				: isOn(disk, "scsi") ? controllers.get(attribute(disk, "address", "controller")) : null;
		return new KnownDisk((target != null) ? target : "", attribute(disk, "source", "file"), alias, worker,
				(driver == null && alias != null && worker != null) ? behindController(disk, alias) : null);
	}

	// The names and numbers that libvirt gives QEMU for a disk on virtio-scsi.
	private static Disk behindController(Element disk, String alias) {
		String driver = switch (disk.getAttribute("device")) {
			case "cdrom" -> "scsi-cd";
			case "lun" -> "scsi-block";
			default -> "scsi-hd";
		};
		return new Disk(alias, driver, PERIPHERAL + alias, number(disk, "target"), number(disk, "unit"), null, false,
				null);
	}

	private static long number(Element disk, String attribute) {
		String number = attribute(disk, "address", attribute);
		return (number != null) ? Long.parseLong(number) : 0;
	}

	/**
	 * The disks of a SCSI controller.
	 */
	List<Disk> behind(KnownDevice controller) {
		return this.disks.stream()
			.filter((disk) -> controller.worker().equals(disk.worker()))
			.flatMap((disk) -> Stream.ofNullable(disk.behindController()))
			.toList();
	}

	private static Element root(String xml) {
		try {
			DocumentBuilderFactory factory = DocumentBuilderFactory.newDefaultInstance();
			factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
			factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
			return factory.newDocumentBuilder().parse(new InputSource(new StringReader(xml))).getDocumentElement();
		}
		catch (SAXException | IOException | ParserConfigurationException ex) {
			throw new IllegalArgumentException("libvirt's XML cannot be read: " + ex.getMessage(), ex);
		}
	}

	private static Map<Long, IOThreadSettings> settings(Element domain) {
		Map<Long, IOThreadSettings> settings = new LinkedHashMap<>();
		children(child(domain, "iothreadids"), IOTHREAD).forEach((iothread) -> {
			Map<IOThreadProperty, Long> values = new LinkedHashMap<>();
			put(values, IOThreadProperty.THREAD_POOL_MIN, iothread.getAttribute("thread_pool_min"));
			put(values, IOThreadProperty.THREAD_POOL_MAX, iothread.getAttribute("thread_pool_max"));
			settings.put(Long.valueOf(iothread.getAttribute("id")), new IOThreadSettings(values));
		});
		return settings;
	}

	private static void put(Map<IOThreadProperty, Long> values, IOThreadProperty property, String value) {
		if (!value.isEmpty()) {
			values.put(property, Long.valueOf(value));
		}
	}

	// The names that libvirt gives QEMU (source: src/qemu/qemu_command.c).
	private static @Nullable String driver(Element device) {
		String model = device.getAttribute("model");
		boolean vhost = device.getAttribute("type").startsWith("vhostuser");
		String kind = switch (device.getTagName()) {
			case "disk" -> (isOn(device, "virtio") && !vhost) ? "virtio-blk" : null;
			case "controller" ->
				(device.getAttribute("type").equals("scsi") && model.startsWith("virtio")) ? "virtio-scsi" : null;
			case "memballoon" -> model.startsWith("virtio") ? "virtio-balloon" : null;
			default -> null;
		};
		String address = attribute(device, "address", "type");
		if (kind == null || address == null) {
			return null;
		}
		return switch (address) {
			case "pci" -> kind + "-pci" + (model.endsWith("-non-transitional") ? "-non-transitional"
					: model.endsWith("-transitional") ? "-transitional" : "");
			case "ccw" -> kind + "-ccw";
			default -> kind + "-device";
		};
	}

	private static String worker(String driver, String alias) {
		return PERIPHERAL + alias + (driver.endsWith("-device") ? "" : "/virtio-backend");
	}

	private static boolean isOn(Element disk, String bus) {
		return bus.equals(attribute(disk, "target", "bus"));
	}

	private static List<Long> iothreads(@Nullable Element driver) {
		if (driver == null) {
			return List.of();
		}
		String one = driver.getAttribute(IOTHREAD);
		Stream<String> ids = one.isEmpty()
				? children(child(driver, "iothreads"), IOTHREAD).map((each) -> each.getAttribute("id"))
				: Stream.of(one);
		return ids.map(Long::valueOf).toList();
	}

	/**
	 * Whether QEMU was given devices that libvirt knows nothing of.
	 */
	boolean isIncomplete() {
		return this.arguments.contains("-device");
	}

	/**
	 * The sockets of further monitors that QEMU was given.
	 */
	List<Path> monitors() {
		List<Path> sockets = new ArrayList<>();
		for (String argument : this.arguments) {
			Matcher socket = SOCKET.matcher(argument);
			if (socket.find()) {
				sockets.add(Path.of(socket.group(1).replace(",,", ",")));
			}
		}
		return sockets;
	}

	private static @Nullable Element child(@Nullable Element parent, String name) {
		return children(parent, name).findFirst().orElse(null);
	}

	private static Stream<Element> children(@Nullable Element parent, String name) {
		Stream.Builder<Element> children = Stream.builder();
		for (Node node = (parent != null) ? parent.getFirstChild() : null; node != null; node = node.getNextSibling()) {
			if (node instanceof Element element && (name.equals("*") || element.getTagName().equals(name))) {
				children.add(element);
			}
		}
		return children.build();
	}

	private static String text(Element parent, String name) {
		Element child = child(parent, name);
		return (child != null) ? child.getTextContent() : "";
	}

	private static @Nullable String attribute(Element parent, String name, String attribute) {
		Element child = child(parent, name);
		return (child != null && child.hasAttribute(attribute)) ? child.getAttribute(attribute) : null;
	}

	/**
	 * Whether what libvirt only passes on to QEMU speaks of an IOThread.
	 */
	boolean mentions(String iothread) {
		Pattern id = Pattern.compile("(?<![A-Za-z0-9._-])" + Pattern.quote(iothread) + "(?![A-Za-z0-9._-])");
		return this.arguments.stream().anyMatch((argument) -> id.matcher(argument).find());
	}

	boolean hasAlias(String alias) {
		return disk(alias).isPresent();
	}

	Optional<KnownDisk> disk(String alias) {
		return this.disks.stream().filter((disk) -> alias.equals(disk.alias())).findFirst();
	}

	/**
	 * Returns whether it has the same image file under the same target. Of what is no
	 * file it is not known.
	 */
	boolean hasLike(KnownDisk other) {
		return this.disks.stream()
			.anyMatch((disk) -> disk.file() != null && disk.file().equals(other.file())
					&& disk.target().equals(other.target()));
	}

	/**
	 * Returns whether it has a device or a disk of that name.
	 */
	boolean has(String alias) {
		return hasAlias(alias) || this.devices.stream().anyMatch((device) -> device.alias().equals(alias));
	}

	/**
	 * A device that can run on IOThreads.
	 *
	 * @param alias libvirt's name for it, and its id in QEMU
	 * @param driver its type in QEMU
	 * @param worker the QOM path of what does the work
	 * @param iothreads the numbers of its IOThreads
	 */
	record KnownDevice(String alias, String driver, String worker, List<Long> iothreads) {

	}

	/**
	 * A disk.
	 *
	 * @param target its name in the domain, such as {@code vda}
	 * @param file the file it is in, {@code null} when it is elsewhere
	 * @param alias libvirt's name for it, {@code null} while it does not run
	 * @param worker the QOM path of the device that does its work on IOThreads,
	 * {@code null} when there is none
	 * @param behindController how it is known as a disk of a SCSI controller,
	 * {@code null} when it is none
	 */
	record KnownDisk(String target, @Nullable String file, @Nullable String alias, @Nullable String worker,
			@Nullable Disk behindController) {

		/**
		 * The QOM path by which it is counted: its own behind a controller.
		 */
		@Nullable String counted() {
			return (this.behindController != null) ? this.behindController.qomPath() : this.worker;
		}

	}

}

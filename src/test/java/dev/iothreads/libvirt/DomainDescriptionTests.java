package dev.iothreads.libvirt;

import dev.iothreads.machine.Disk;
import dev.iothreads.machine.IOThreadProperty;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/**
 * What is read of a domain's XML.
 */
class DomainDescriptionTests {

	@Test
	void thePoolsOfIOThreadsAreThoseThatWereSet() {
		DomainDescription domain = DomainDescription.parse("<domain><name>vm1</name><iothreadids><iothread id='1'/>"
				+ "<iothread id='2' thread_pool_min='4' thread_pool_max='8'/></iothreadids></domain>");
		assertThat(domain.iothreads()).containsOnlyKeys(1L, 2L);
		assertThat(domain.iothreads().get(2L).get(IOThreadProperty.THREAD_POOL_MIN)).isEqualTo(4);
		assertThat(domain.iothreads().get(2L).get(IOThreadProperty.THREAD_POOL_MAX)).isEqualTo(8);
		assertThat(domain.iothreads().get(1L).values()).isEmpty();
	}

	@Test
	void aDiskMayRunOnSeveralIOThreads() {
		DomainDescription domain = DomainDescription
			.parse("""
					<domain><name>vm1</name><title>One</title><devices>
					<disk type='file' device='disk'><driver name='qemu' type='qcow2'><iothreads><iothread id='2'>\
					<queue id='0'/></iothread><iothread id='3'/></iothreads></driver><source file='/a'/>\
					<target dev='vda' bus='virtio'/><alias name='ua-a'/><address type='pci'/></disk>
					<disk type='file' device='disk'><driver name='qemu'/><source file='/b'/><target dev='sda' bus='scsi'/>\
					<alias name='scsi0-0-0-0'/><address type='drive' controller='0' target='2' unit='1'/></disk>
					<controller type='scsi' index='0' model='virtio-transitional'><driver iothread='4'/><alias name='scsi0'/>\
					<address type='pci'/></controller>
					<memballoon model='virtio'><alias name='balloon0'/><address type='ccw'/></memballoon>
					</devices></domain>""");
		assertThat(domain.title()).isEqualTo("One");
		assertThat(domain.devices()).extracting((device) -> device.alias() + " " + device.driver() + device.iothreads())
			.containsExactly("ua-a virtio-blk-pci[2, 3]", "scsi0 virtio-scsi-pci-transitional[4]",
					"balloon0 virtio-balloon-ccw[]");
		assertThat(domain.disks()).extracting(DomainDescription.KnownDisk::worker)
			.containsExactly("/machine/peripheral/ua-a/virtio-backend", "/machine/peripheral/scsi0/virtio-backend");
		assertThat(domain.behind(domain.devices().get(1))).containsExactly(
				new Disk("scsi0-0-0-0", "scsi-hd", "/machine/peripheral/scsi0-0-0-0", 2, 1, null, false, null));
		assertThat(domain.behind(domain.devices().get(0))).isEmpty();
	}

	@Test
	void whatLibvirtOnlyPassesOnIsSeen() {
		DomainDescription domain = DomainDescription.parse("""
				<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>vm1</name><qemu:commandline>
				<qemu:arg value='-device'/><qemu:arg value='virtio-blk-pci,iothread=iothread1,drive=d'/>
				<qemu:arg value='-qmp'/><qemu:arg value='unix:/run/q/a,,b.sock,server=on'/>
				<qemu:arg value='-chardev'/><qemu:arg value='socket,id=c,path=/run/q/c.sock,server=on'/>
				</qemu:commandline></domain>""");
		assertThat(domain.isIncomplete()).isTrue();
		assertThat(domain.mentions("iothread1")).isTrue();
		assertThat(domain.mentions("iothread11")).isFalse();
		assertThat(domain.monitors()).extracting(Object::toString).containsExactly("/run/q/a,b.sock", "/run/q/c.sock");
	}

	@Test
	void aDiskThatIsNoFileIsLikeNoOther() {
		String xml = "<domain><name>vm1</name><devices><disk type='%s' device='disk'><driver name='qemu'/>"
				+ "<source %s='/a'/><target dev='vda' bus='virtio'/><alias name='virtio-disk0'/>"
				+ "<address type='pci'/></disk></devices></domain>";
		DomainDescription file = DomainDescription.parse(xml.formatted("file", "file"));
		DomainDescription network = DomainDescription.parse(xml.formatted("network", "name"));
		assertThat(file.hasLike(file.disk("virtio-disk0").orElseThrow())).isTrue();
		assertThat(network.hasLike(network.disk("virtio-disk0").orElseThrow())).isFalse();
		assertThat(network.hasLike(file.disk("virtio-disk0").orElseThrow())).isFalse();
	}

	@Test
	void whatIsNoXmlIsRefused() {
		assertThatIllegalArgumentException().isThrownBy(() -> DomainDescription.parse("no"));
		assertThatIllegalArgumentException().isThrownBy(() -> DomainDescription
			.parse("<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain>&e;</domain>"));
	}

}

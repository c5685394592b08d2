// The forms for devices, for removing IOThreads, and for signing in.

import * as api from './api.js';
import { h, attribute } from './dom.js';
import { Field, ask, each, input, next, option, signsInBy } from './forms.js';
import { byName, count, list, size } from './format.js';

const DEFAULT_DRIVER = 'virtio-blk-pci';

export function remove(machine, iothread, changed) {
	const attached = machine.summary.threads.find(({ info }) => info.id === iothread)?.attached ?? [];
	const ids = attached.map(({ info }) => info.id);
	const are = ids.length === 1 ? 'is' : 'are';
	const dialog = ask({ title: `Remove ${iothread} from ${machine.name}?`,
		words: [ids.length > 0 ? `${list(ids)} ${ids.length === 1 ? 'runs' : 'run'} on it: it cannot be removed before ${ids.length === 1 ? 'that is' : 'those are'} detached.`
			: 'Nothing runs on it: the guest will not notice.'],
		content: [h('ul.links', { role: 'list' }, ...attached.filter(({ info }) => !info.kind && info.state !== 'detaching').map(({ info }) => h('li', {}, h('button.link', { type: 'button', click: () => {
			dialog.close();
			detach(machine, info.id, changed);
		} }, `Detach ${info.id}`))))],
		prevents: ids.length > 0 ? `${list(ids)} ${are} on it` : '',
		does: `Remove ${iothread}`, doing: 'Removing…', danger: true,
		act: async () => {
			await api.removeIOThread(machine.name, iothread);
			changed(`${iothread} was removed from ${machine.name}`);
		} });
}

const LEFT = 'A guest may take its time, or not let go at all.';

export function detach(machine, id, changed) {
	const device = [...machine.devices.values()].find((candidate) => candidate.id === id);
	const drive = device?.drive;
	const again = device?.state === 'detaching';
	const fixed = device?.hotpluggable === false;
	const waits = machine.runState && machine.runState !== 'running' ? ` It is ${machine.runState} now, and can let go when it runs again.` : '';
	const words = fixed ? [`Its bus has no hot-plug: ${id} cannot be detached while ${machine.name} runs. It goes when the machine is shut down.`]
		: [...again ? [] : [`The guest is asked to let go of ${id}${drive ? `, its disk with the data of ${drive}` : ''}, and then it is gone from the guest: `
			+ 'what still uses it there fails. Unmount what is on it first.'],
		`${drive && !again ? device['drive-goes-with-it'] ? `QEMU removes the drive ${drive} with it, because it was given by -drive: to attach it again, add it anew. ` : `The block node ${drive} stays, with all its data. ` : ''}${LEFT}${waits}`];
	ask({ title: again ? `Ask the guest of ${machine.name} again to let go of ${id}?` : `Detach ${id} from ${machine.name}?`, words,
		prevents: fixed ? 'Its bus has no hot-plug' : '',
		does: again ? 'Ask again' : `Detach ${id}`, doing: 'Waiting for the guest…', danger: true,
		act: async () => {
			const gone = await api.detach(machine.name, id);
			changed(gone ? `${id} was detached from ${machine.name}` : `The guest of ${machine.name} has yet to let go of ${id}`);
		} });
}

/** Detaches several devices. */
export function detachAll(devices, changed) {
	ask({ title: `Detach ${count(devices.length, 'device')}?`,
		words: ['Each guest is asked to let go of its devices, and then they are gone from it: what still uses them there fails. Unmount what is on them first.', LEFT],
		content: [h('ul.links', { role: 'list' }, ...devices.map(({ name }) => h('li', {}, name)))],
		does: 'Detach all', doing: 'Waiting for the guests…', danger: true,
		act: async () => {
			const results = await each(devices, async ({ machine, id }) => await api.detach(machine, id) ? { words: 'is detached' }
				: { state: 'waiting', words: 'has been asked for: the guest has yet to let go' });
			changed(`${count(results.filter(({ state }) => state === 'done').length, 'device')} detached`);
			return results;
		} });
}

const FAMILIES = [['PCI', /-pci($|-)/], ['CCW', /-ccw$/], ['virtio-mmio', /-device$/], ['Others', /./]];

function driverSelect(drivers) {
	const select = h('select');
	// The form names an IOThread, which a disk behind a controller does not have.
	const sorted = drivers.filter((driver) => driver !== 'scsi-hd').sort((one, other) => (other === DEFAULT_DRIVER) - (one === DEFAULT_DRIVER) || byName(one, other));
	const left = new Set(sorted);
	for (const [family, pattern] of FAMILIES) {
		const members = [...left].filter((driver) => pattern.test(driver));
		if (members.length > 0) {
			select.append(h('optgroup', { label: family }, ...members.map((driver) => option(driver))));
		}
		members.forEach((driver) => left.delete(driver));
	}
	return select;
}

// QEMU 9.0 has iothread-vq-mapping of virtio-blk, 10.0 of virtio-scsi.
function spreads(machine) {
	const version = parseInt(machine.info['qemu-version'], 10);
	return !(version < 9);
}

/** virtio-blk-pci and virtio-blk-ccw are of the family blk. */
const familyOf = (driver) => driver.replace(/^virtio-/, '').replace(/-(pci|ccw|device)(-(non-)?transitional)?$/, '');

/** An image file, where the service's configuration names directories of them. */
function imageFields(images) {
	const file = new Field('image.file', 'Image', h('select', {}, option('', 'none: a block node that QEMU has already'),
		...images.map((image) => option(image.file, [image.name, size(image.size), image['in-use'] ? 'in use' : ''].filter((word) => word).join(' · ')))),
	'A file of the host. QEMU opens it, and lets go of it with the device');
	const format = new Field('image.format', 'Format', h('select', {}, ...[...new Set(['raw', 'qcow2', ...images.map((image) => image.format)])].map((name) => option(name))),
		'As its name says. What is qcow2 and opened as raw is damaged by the guest');
	const readOnly = h('input', { type: 'checkbox' });
	const more = h('div.field', { hidden: true }, format.element, h('label.check', {}, readOnly, 'Read only'));
	file.control.addEventListener('change', () => {
		const chosen = images.find((image) => image.file === file.control.value);
		attribute(more, 'hidden', !chosen);
		if (chosen) {
			format.control.value = chosen.format;
		}
	});
	return { fields: [file, format], element: h('div.field', {}, file.element, more), get isChosen() {
		return file.control.value !== '';
	}, get value() {
		return { file: file.control.value, format: format.control.value, ...(readOnly.checked ? { 'read-only': true } : {}) };
	} };
}

export async function attach(machine, preset, changed, fail) {
	let offer;
	try {
		offer = await api.attachable(machine.name);
	}
	catch (failure) {
		fail(failure);
		return;
	}
	const id = new Field('id', 'Id', input({ required: true }),
		'What the device is to be called');
	const driver = new Field('driver', 'Driver', driverSelect(offer.drivers));
	const drive = new Field('drive', 'Drive', h('select', {}, ...offer.drives.map((node) => option(node))),
		offer.drives.length > 0 ? 'The block nodes that no device serves yet' : 'Every block node is in use, or there is none. Add one first, by blockdev-add.');
	const image = imageFields(offer.images ?? []);
	const bus = new Field('bus', 'Bus', h('select', {}, option('', `the first with room: ${offer.buses[0]}`), ...offer.buses.map((name) => option(name))));
	attribute(bus.element, 'hidden', offer.buses.length === 0);
	const { threads } = machine.summary;
	const least = threads.reduce((best, thread) => thread.attached.length < (best?.attached.length ?? Infinity) ? thread : best, null);
	const boxes = threads.map((thread) => {
		const box = h('input', { type: 'checkbox', value: thread.info.id });
		box.checked = thread.info.id === preset;
		return { box, label: h('label.check', {}, box, h('span', {}, thread.info.id), h('small', {}, `${thread.attached.length} attached`)) };
	});
	const most = spreads(machine) ? Infinity : 1;
	boxes.forEach(({ box }) => box.addEventListener('change', () => {
		if (box.checked && boxes.filter((other) => other.box.checked).length > most) {
			boxes.forEach((other) => {
				other.box.checked = other.box === box;
			});
		}
	}));
	const iothreads = h('fieldset', {}, h('legend', {}, 'IOThreads'), h('div.checks', {}, ...boxes.map(({ label }) => label)),
		h('p.hint', {}, `None: the least loaded one${least ? `, ${least.info.id} at this moment` : ''}. `
			+ (most > 1 ? 'Several: the virtqueues go round them.' : `One at most: QEMU spreads a device over several since 9.0, and this is ${machine.info['qemu-version']}.`)));
	const serves = () => driver.control.value.startsWith('virtio-blk');
	const devices = [...machine.devices.values()];
	let suggested = '';
	const fit = () => {
		attribute(image.element, 'hidden', !serves() || !offer.images?.length);
		attribute(drive.element, 'hidden', !serves() || image.isChosen);
		if (id.control.value === suggested) {
			const family = familyOf(driver.control.value);
			suggested = next(devices.map((device) => device.id), family,
				devices.filter((device) => familyOf(device.driver) === family).map((device) => device.id));
			id.control.value = suggested;
		}
	};
	driver.control.addEventListener('change', fit);
	image.element.addEventListener('change', fit);
	fit();
	ask({ title: `Attach a device to ${machine.name}`, words: ['The guest sees a new device, as if it were plugged in.'],
		fields: [id, driver, drive, ...image.fields, bus], content: [id.element, driver.element, image.element, drive.element, iothreads, bus.element], does: 'Attach', doing: 'Attaching…',
		act: async () => {
			const chosen = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
			const { content } = await api.attach(machine.name, { id: id.control.value, driver: driver.control.value,
				...(!serves() ? {} : image.isChosen ? { image: image.value } : drive.control.value ? { drive: drive.control.value } : {}),
				...(chosen.length > 0 ? { iothreads: chosen } : {}),
				...(bus.control.value ? { bus: bus.control.value } : {}) });
			changed(`${id.control.value} is now on ${list(content.iothreads)} of ${machine.name}`);
		} });
}

// Called after the user has signed in.
let signedIn = null;

export function whenSignedIn(listener) {
	signedIn = listener;
}

/** Asks the user to sign in. */
export function askWho() {
	const name = new Field('name', 'Name', input({ autocomplete: 'username' }), 'Leave it empty when you have a token');
	const secret = new Field('secret', 'Password or token', input({ type: 'password', autocomplete: 'current-password' }));
	ask({ title: 'Sign in', words: ['For as long as this page is open. It is not stored.'], fields: [name, secret], does: 'Sign in', doing: 'Signing in…',
		offersSignIn: false,
		act: async () => {
			await api.signIn(name.control.value, secret.control.value);
			signedIn(name.control.value);
		} });
}

signsInBy(askWho);

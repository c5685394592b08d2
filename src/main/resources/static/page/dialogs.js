// The forms for changes, and for signing in.

import * as api from './api.js';
import { h, attribute, homeOf } from './dom.js';
import { byName, list } from './format.js';
import { SETTINGS } from './model.js';

const DEFAULT_DRIVER = 'virtio-blk-pci';

const HINTS = {
	'poll-max-ns': 'Longest busy waiting, in ns; 0 turns polling off',
	'poll-grow': 'What the polling time is multiplied by; 0 for QEMU’s own',
	'poll-shrink': 'What the polling time is divided by; 0 for QEMU’s own',
	'poll-weight': 'How slowly the polling time follows the load',
	'aio-max-batch': 'Requests in one batch to the kernel; 0 for QEMU’s own',
	'thread-pool-min': 'Worker threads kept although idle',
	'thread-pool-max': 'Most worker threads'
};

let serial = 0;

/**
 * A control with its name, its hint, and what is wrong with it.
 */
class Field {

	constructor(name, label, control, hint = '') {
		const id = `field-${++serial}`;
		this.name = name;
		this.control = control;
		this.wrong = h('p.wrong', { id: `${id}-wrong`, hidden: true });
		control.id = id;
		attribute(control, 'name', name);
		attribute(control, 'aria-describedby', hint ? `${id}-hint ${id}-wrong` : `${id}-wrong`);
		this.element = h('div.field', {}, h('label', { for: id }, label), control, hint ? h('p.hint', { id: `${id}-hint` }, hint) : null, this.wrong);
	}

	complain(words) {
		this.wrong.textContent = words;
		attribute(this.wrong, 'hidden', !words);
		attribute(this.control, 'aria-invalid', words ? 'true' : null);
	}

}

const input = (attributes) => h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', ...attributes });

const number = (attributes) => input({ type: 'number', step: '1', inputmode: 'numeric', ...attributes });

const grid = (fields) => h('div.grid', {}, ...fields.map((field) => field.element));

const option = (value, words = value) => h('option', { value }, words);

/**
 * Shows a form until the user cancels it or the change is made.
 *
 * @param content what the form consists of: its fields, and what is around them
 * @param act makes the change; a failure is shown in the form, which stays open
 */
function ask({ title, words = [], fields = [], content = fields.map((field) => field.element), does, doing, danger = false, offersSignIn = true, act }) {
	const id = `dialog-${++serial}`;
	const submit = h(danger ? 'button.danger' : 'button.primary', { type: 'submit' }, does);
	const cancel = h('button.plain', { type: 'button', click: () => dialog.close() }, 'Cancel');
	const refusal = h('div.refusal', { role: 'alert' });
	const form = h('form', { novalidate: true }, h('h2', { id }, title), ...words.map((line) => h('p', {}, line)),
		...content, refusal, h('div.buttons', {}, cancel, submit));
	const dialog = h('dialog', { 'aria-labelledby': id }, form);
	let busy = false;
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (busy) {
			return;
		}
		fields.forEach((field) => field.complain(field.control.validity.badInput ? 'It must be a whole number.' : ''));
		const bad = fields.find((field) => field.control.validity.badInput);
		if (bad) {
			bad.control.closest('details')?.setAttribute('open', '');
			bad.control.focus();
			return;
		}
		busy = true;
		attribute(submit, 'aria-disabled', 'true');
		submit.textContent = doing;
		refusal.replaceChildren();
		try {
			await act();
			dialog.close();
		}
		catch (failure) {
			refuse(failure);
		}
		finally {
			busy = false;
			attribute(submit, 'aria-disabled', null);
			submit.textContent = does;
		}
	});
	function refuse(failure) {
		const others = [];
		let first = null;
		for (const { field, message } of failure.errors ?? []) {
			const named = fields.find((candidate) => candidate.name === field);
			if (named) {
				named.complain(message);
				first ??= named.control;
			}
			else {
				others.push(h('li', {}, field ? `${field}: ${message}` : message));
			}
		}
		refusal.replaceChildren(h('p', {}, h('strong', {}, failure.title ?? 'It did not work')), h('p', {}, failure.message));
		if (failure.needsSignIn && offersSignIn) {
			refusal.append(h('button.plain', { type: 'button', click: askWho }, 'Sign in'));
		}
		if (others.length > 0) {
			refusal.append(h('ul', {}, ...others));
		}
		if (first) {
			first.closest('details')?.setAttribute('open', '');
			first.focus();
		}
	}
	show(dialog);
	const start = fields[0]?.control ?? (danger ? cancel : submit);
	start.focus();
	start.select?.();
	return dialog;
}

// The browser returns the focus to the element that had it, which may be removed by then.
function show(dialog) {
	const before = document.activeElement;
	const home = homeOf(before);
	dialog.addEventListener('close', () => {
		dialog.remove();
		if (!before.isConnected) {
			home.focus();
		}
	});
	document.body.append(dialog);
	dialog.showModal();
}

/** A name like those that are there, with the next number. */
function next(names, stem) {
	const last = [...names].sort(byName).findLast((name) => /\d$/.test(name));
	const base = last ? last.replace(/\d+$/, '') : stem;
	let index = last ? Number(last.match(/\d+$/)[0]) + 1 : 0;
	while (names.includes(base + index)) {
		index++;
	}
	return base + index;
}

// What every IOThread of the machine has, its QEMU has.
function settingsOf(machine) {
	const one = machine.iothreads.values().next().value;
	return one ? SETTINGS.filter((name) => one[name] !== undefined) : SETTINGS.filter((name) => name !== 'poll-weight');
}

function given(fields) {
	return Object.fromEntries(fields.filter((field) => field.control.value !== '').map((field) => [field.name, value(field.control)]));
}

// A number that JavaScript cannot hold is sent as it was written, and refused with words.
function value(control) {
	return Number.isSafeInteger(control.valueAsNumber) ? control.valueAsNumber : control.value;
}

export function add(machine, changed) {
	const id = new Field('id', 'Id', input({ value: next([...machine.iothreads.keys()], 'iothread'), required: true }),
		'A letter, then letters, digits, -, . or _');
	const settings = settingsOf(machine).map((name) => new Field(name, name, number({ min: '0', placeholder: 'QEMU’s default' }), HINTS[name]));
	ask({ title: `Add an IOThread to ${machine.name}`, fields: [id, ...settings],
		content: [id.element, h('details', {}, h('summary', {}, 'Settings'), grid(settings))], does: 'Add', doing: 'Adding…',
		act: async () => {
			await api.addIOThread(machine.name, { id: id.control.value, ...given(settings) });
			changed(`${id.control.value} was added to ${machine.name}`);
		} });
}

export async function tune(machine, iothread, changed, fail) {
	let read;
	try {
		read = await api.iothread(machine.name, iothread);
	}
	catch (failure) {
		fail(failure);
		return;
	}
	const fields = SETTINGS.filter((name) => read.content[name] !== undefined)
		.map((name) => new Field(name, name, number({ min: '0', value: read.content[name] }), HINTS[name]));
	ask({ title: `Tune ${iothread} of ${machine.name}`, words: ['It takes effect at once, and lasts as long as this QEMU runs. The guest goes on meanwhile.'],
		fields, content: [grid(fields)], does: 'Tune', doing: 'Tuning…',
		act: async () => {
			const different = fields.filter((field) => field.control.value !== String(read.content[field.name]));
			if (different.length > 0) {
				await api.tuneIOThread(machine.name, iothread,
					Object.fromEntries(different.map((field) => [field.name, value(field.control)])), read.tag);
				changed(`${iothread} of ${machine.name} was tuned`);
			}
		} });
}

export function remove(machine, iothread, changed) {
	const attached = machine.iothreads.get(iothread)?.['attached-devices'].map((device) => device.id) ?? [];
	ask({ title: `Remove ${iothread} from ${machine.name}?`,
		words: [attached.length > 0 ? `${list(attached)} ${attached.length === 1 ? 'runs' : 'run'} on it: it cannot go before ${attached.length === 1 ? 'that is' : 'those are'} detached.`
			: 'Nothing runs on it: the guest will not notice.'],
		does: `Remove ${iothread}`, doing: 'Removing…', danger: true,
		act: async () => {
			await api.removeIOThread(machine.name, iothread);
			changed(`${iothread} was removed from ${machine.name}`);
		} });
}

export function detach(machine, id, changed) {
	const device = [...machine.devices.values()].find((candidate) => candidate.id === id);
	const drive = device?.drive;
	ask({ title: `Detach ${id} from ${machine.name}?`,
		words: [`The guest is asked to let go of ${id}${drive ? `, its disk with the data of ${drive}` : ''}, and then it is gone from the guest: `
			+ 'what still uses it there fails. Unmount what is on it first.',
			`${drive ? device['drive-goes-with-it'] ? `QEMU removes the drive ${drive} with it, because it was given by -drive: to attach it again, add it anew. ` : `The block node ${drive} stays, with all its data. ` : ''}A guest may take its time, or not let go at all.`],
		does: `Detach ${id}`, doing: 'Waiting for the guest…', danger: true,
		act: async () => {
			const gone = await api.detach(machine.name, id);
			changed(gone ? `${id} was detached from ${machine.name}` : `The guest of ${machine.name} has yet to let go of ${id}`);
		} });
}

const FAMILIES = [['PCI', /-pci($|-)/], ['CCW', /-ccw$/], ['virtio-mmio', /-device$/], ['Others', /./]];

function driverSelect(drivers) {
	const select = h('select');
	const sorted = [...drivers].sort((one, other) => (other === DEFAULT_DRIVER) - (one === DEFAULT_DRIVER) || byName(one, other));
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

export async function attach(machine, preset, changed, fail) {
	let offer;
	try {
		offer = await api.attachable(machine.name);
	}
	catch (failure) {
		fail(failure);
		return;
	}
	const id = new Field('id', 'Id', input({ value: next([...machine.devices.values()].map((device) => device.id), 'blk'), required: true }),
		'What the device is to be called');
	const driver = new Field('driver', 'Driver', driverSelect(offer.drivers));
	const drive = new Field('drive', 'Drive', h('select', {}, ...offer.drives.map((node) => option(node))),
		offer.drives.length > 0 ? 'The block nodes that no device serves yet' : 'Every block node is in use, or there is none. Add one first, by blockdev-add.');
	const bus = new Field('bus', 'Bus', h('select', {}, option('', `the first with room: ${offer.buses[0]}`), ...offer.buses.map((name) => option(name))));
	attribute(bus.element, 'hidden', offer.buses.length === 0);
	const { threads } = machine.summary;
	const least = threads.reduce((best, thread) => thread.attached.length < (best?.attached.length ?? Infinity) ? thread : best, null);
	const boxes = threads.map((thread) => {
		const box = h('input', { type: 'checkbox', value: thread.info.id });
		box.checked = thread.info.id === preset;
		return { box, label: h('label.check', {}, box, h('span', {}, thread.info.id), h('small', {}, `${thread.attached.length} attached`)) };
	});
	const iothreads = h('fieldset', {}, h('legend', {}, 'IOThreads'), h('div.checks', {}, ...boxes.map(({ label }) => label)),
		h('p.hint', {}, `None: the least loaded one${least ? `, ${least.info.id} at this moment` : ''}. Several: the virtqueues go round them.`));
	const serves = () => driver.control.value.startsWith('virtio-blk');
	driver.control.addEventListener('change', () => attribute(drive.element, 'hidden', !serves()));
	ask({ title: `Attach a device to ${machine.name}`, words: ['The guest sees a new device, as if it were plugged in.'],
		fields: [id, driver, drive, bus], content: [id.element, driver.element, drive.element, iothreads, bus.element], does: 'Attach', doing: 'Attaching…',
		act: async () => {
			const chosen = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
			const { content } = await api.attach(machine.name, { id: id.control.value, driver: driver.control.value,
				...(serves() && drive.control.value ? { drive: drive.control.value } : {}),
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

/** Shows a failure that comes before a form could be opened. */
export function showFailure(failure) {
	const id = `dialog-${++serial}`;
	if (failure.needsSignIn) {
		askWho();
		return;
	}
	const close = h('button.primary', { type: 'button', click: () => dialog.close() }, 'Close');
	const dialog = h('dialog', { 'aria-labelledby': id }, h('form', {}, h('h2', { id }, failure.title ?? 'It did not work'),
		h('p', {}, failure.message), h('div.buttons', {}, close)));
	show(dialog);
}

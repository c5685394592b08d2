// The IOThreads of a machine, and what runs on each. Each view keeps its elements and
// touches those that show something else than before.

import { copy, h, text, attribute, hide, property, Views } from './dom.js';
import { NOTHING, bytes, clock, count, grouped, list, percent, rate } from './format.js';
import { Chart } from './chart.js';
import { SETTINGS, USUAL, defaultOf } from './model.js';

const SHORT = { 'poll-max-ns': 'longest busy waiting, in ns; 0 is none' };

/** What a button does is in its data: one listener hears them all. */
export function button(does, words, attributes = {}, kind = 'quiet') {
	return h(`button.${kind}${does === 'toggle' ? '' : '.changes'}`, { type: 'button', 'data-do': does, ...attributes }, words);
}

/** Marks one of several, for something that is done with all of them. */
export function pick(attributes) {
	return h('input.pick.changes', { type: 'checkbox', 'data-pick': true, ...attributes });
}

// Where the image beneath a disk is, where QEMU shows one.
const imageOf = (image) => image?.file ?? '';

// What the drive of a device is, and where its data are.
const driveOf = (info) => [info.drive, imageOf(info.image)].filter((word) => word);

/**
 * A disk of a SCSI controller: it runs where that does.
 */
class DiskView {

	constructor() {
		this.name = h('span.name');
		this.driver = h('span.driver');
		this.rate = h('span.rate');
		this.element = h('li.disk', {}, this.name, this.driver, this.rate);
	}

	show({ disk, rate: operations, found }) {
		attribute(this.element, 'data-found', found(disk.id ?? '', disk.drive ?? '', disk.serial ?? '', imageOf(disk.image)));
		text(this.name, disk.id ?? `${disk.target}:${disk.lun}`);
		text(this.driver, [disk.driver, disk.target === undefined ? '' : `target ${disk.target}, LUN ${disk.lun}`, ...driveOf(disk), disk.serial ?? '']
			.filter((word) => word).join(' · '));
		text(this.rate, operations === undefined ? '' : `${rate(operations)}/s`);
	}

}

/**
 * A device where it runs.
 */
class DeviceView {

	constructor() {
		this.pick = pick({});
		this.name = h('span.name');
		this.copy = copy();
		this.driver = h('span.driver');
		this.mark = h('span.mark', { hidden: true });
		this.rate = h('span.rate');
		this.detach = button('detach', '×', {}, 'remove');
		this.again = button('detach', 'Ask again', { hidden: true });
		this.reason = h('p.reason', { hidden: true });
		this.disks = h('ul.disks', { role: 'list' });
		this.diskViews = new Views(this.disks, () => new DiskView());
		this.element = h('li.device', {}, h('div.line', {}, this.pick, this.name, this.copy, this.driver, this.mark, this.rate, this.again, this.detach),
			this.reason, this.disks);
	}

	show({ device, place, machine, runState, locked, found }) {
		const { info } = device;
		const isDevice = !info.kind;
		const detaching = info.state === 'detaching';
		attribute(this.element, 'data-device', info.id);
		attribute(this.element, 'data-state', info.state);
		attribute(this.element, 'data-found', found(info.id, info.driver ?? info.kind, ...driveOf(info), info.serial ?? '', info.state));
		text(this.name, info.id);
		attribute(this.name, 'title', info['qom-path']);
		this.copy.offer(info['qom-path'] ?? info.id, `the path of ${info.id}`);
		text(this.driver, [isDevice ? info.driver : info.kind, ...driveOf(info), shareOf(device, place)].filter((word) => word).join(' · '));
		const usual = USUAL.includes(info.state);
		hide(this.mark, usual);
		text(this.mark, usual ? '' : info.state);
		text(this.rate, device.rate === undefined ? '' : `${rate(device.rate)}/s`);
		attribute(this.rate, 'title', device.rate === undefined ? null : `${rate(device.rate)} operations per second, ${bytes(device.flow)}`);
		const why = [info.reason ?? '', device.since ? whyItWaits(device.since, runState) : ''].filter((words) => words).join(' ');
		hide(this.reason, !why);
		text(this.reason, why);
		hide(this.pick, locked || !isDevice || detaching || info.hotpluggable === false);
		attribute(this.pick, 'aria-label', `Select ${info.id} of ${machine}`);
		hide(this.detach, locked || !isDevice || detaching);
		attribute(this.detach, 'aria-label', `Detach ${info.id} from ${machine}`);
		attribute(this.detach, 'title', `Detach ${info.id}`);
		hide(this.again, locked || !detaching);
		attribute(this.again, 'aria-label', `Ask again to let go of ${info.id} of ${machine}`);
		this.diskViews.show((device.disks ?? []).map((disk) => ({ ...disk, found })), ({ disk }) => disk['qom-path'] ?? disk.id);
	}

}

function whyItWaits(since, runState) {
	return `Seen waiting since ${clock(since)}. ` + (runState && runState !== 'running' ? `The guest is ${runState}, and can let go when it runs again.`
		: 'The guest may have no driver for hot-plug, or still use the device.');
}

// Which part of a device an IOThread has, where others have the rest.
function shareOf(device, place) {
	const others = device.here.filter((id) => id !== place);
	if (others.length === 0) {
		return '';
	}
	const queues = device.queues?.get(place);
	return `${queues ? `queue${queues.length === 1 ? '' : 's'} ${queues.join(', ')}` : `1 of ${others.length + 1} IOThreads`}; also on ${list(others)}`;
}

class DeviceList {

	constructor() {
		this.element = h('ul.devices', { role: 'list' });
		this.views = new Views(this.element, () => new DeviceView());
	}

	show(devices, place, machine, found) {
		this.views.show(devices.map((device) => ({ device, place, machine: machine.name, runState: machine.runState, locked: machine.locked, found })),
			({ device }) => device.info['qom-path'] ?? `${device.info.kind} ${device.info.id}`);
	}

}

/**
 * An IOThread and what runs on it.
 */
export class IOThreadView {

	constructor({ machine }) {
		this.heading = h('h3');
		this.copy = copy();
		this.number = h('strong');
		this.cnt = h('span.cnt', {}, this.number, ' attached');
		this.share = h('span.share');
		this.fill = h('span.fill');
		this.cpu = h('dd');
		this.rate = h('dd');
		this.flow = h('dd');
		this.chart = new Chart();
		this.devices = new DeviceList();
		this.none = h('p.none', {}, 'Nothing runs on it.');
		this.settings = h('dl.settings');
		this.values = new Map(SETTINGS.map((name) => {
			const value = h('dd');
			const pair = h('div', { title: SHORT[name] ?? null }, h('dt', {}, name), value);
			this.settings.append(pair);
			return [name, { pair, value }];
		}));
		this.id = h('span.number');
		this.copyId = copy();
		this.top = copy('top');
		this.taskset = copy('taskset');
		this.cpus = h('span');
		this.thread = h('p.thread', {}, 'thread ', this.id, this.copyId, this.cpus, this.top, this.taskset);
		this.attach = button('attach', 'Attach');
		this.tune = button('tune', 'Tune');
		this.remove = button('remove', 'Remove');
		this.actions = h('div.actions.changes', {}, this.attach, this.tune, this.remove);
		this.numbers = h('dl.numbers', {}, h('div', {}, h('dt', {}, 'CPU'), this.cpu), h('div', {}, h('dt', {}, 'ops/s'), this.rate),
			h('div', {}, h('dt', {}, 'data'), this.flow));
		this.element = h('section.card', { 'data-machine': machine.name },
			h('div.head', {}, h('div.title', {}, this.heading, this.copy), this.cnt),
			h('div.load', {}, h('span.track', { 'aria-hidden': 'true' }, this.fill), this.share),
			this.numbers, this.chart.element, this.devices.element, this.none, this.settings, this.thread, this.actions);
	}

	show({ thread, machine, found }) {
		const { info, attached } = thread;
		const { measure, busiest, cpu, rate: operations } = machine.summary;
		attribute(this.element, 'data-iothread', info.id);
		attribute(this.element, 'aria-label', `IOThread ${info.id} of ${machine.name}`);
		attribute(this.element, 'data-busiest', busiest === thread);
		attribute(this.element, 'data-found', found(info.id, String(info['thread-id'])));
		text(this.heading, info.id);
		this.copy.offer(info.id, info.id);
		text(this.number, String(attached.length));
		property(this.fill, '--share', thread.share.toFixed(3));
		text(this.share, `${percent(thread.share)} of the ${measure}`);
		hide(this.numbers, cpu === undefined && operations === undefined);
		text(this.cpu, percent(thread.cpu));
		attribute(this.cpu, 'title', thread.cpu === undefined ? machine.info['cpu-unavailable'] : null);
		text(this.rate, rate(thread.rate));
		text(this.flow, thread.flow === undefined ? NOTHING : bytes(thread.flow));
		this.chart.show(`IOThread ${info.id} of ${machine.name}`, machine.history?.times, machine.history?.iothreads.get(info.id));
		this.devices.show(attached, info.id, machine, found);
		hide(this.none, attached.length > 0);
		let different = 0;
		for (const [name, { pair, value }] of this.values) {
			const differs = info[name] !== undefined && info[name] !== defaultOf(name, info);
			different += differs;
			hide(pair, !differs);
			text(value, differs ? grouped(info[name]) : '');
		}
		hide(this.settings, different === 0);
		text(this.id, String(info['thread-id']));
		this.copyId.offer(info['thread-id'], `the thread id of ${info.id}`);
		text(this.cpus, info['cpus-allowed'] === undefined ? '' : `CPUs ${info['cpus-allowed']}`);
		this.top.offer(`top -H -p ${info['thread-id']}`);
		this.taskset.offer(`taskset -cp ${info['thread-id']}`);
		hide(this.actions, Boolean(machine.locked));
		attribute(this.attach, 'aria-label', `Attach a device to ${info.id} of ${machine.name}`);
		attribute(this.tune, 'aria-label', `Tune ${info.id} of ${machine.name}`);
		attribute(this.remove, 'aria-label', `Remove ${info.id} of ${machine.name}`);
	}

}

/**
 * Devices that are on no IOThread that can be seen.
 */
export class LooseView {

	constructor({ machine, kind, title, words }) {
		this.cnt = h('span.cnt');
		this.devices = new DeviceList();
		this.element = h('section.card.loose', { 'data-kind': kind, 'data-machine': machine.name, 'aria-label': `${title} of ${machine.name}` },
			h('div.head', {}, h('h3', {}, title), this.cnt), h('p.note', {}, words), this.devices.element);
	}

	show({ devices, machine, found }) {
		text(this.cnt, count(devices.length, 'device'));
		this.devices.show(devices, null, machine, found);
	}

}

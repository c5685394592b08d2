// What is known of the machines: the lists as they were read, what the events have
// changed since, and rates between the counts that were read last.

import { byName } from './format.js';

export const SETTINGS = ['poll-max-ns', 'poll-grow', 'poll-shrink', 'poll-weight', 'aio-max-batch', 'thread-pool-min', 'thread-pool-max'];

/** The least and the most that the service takes. */
export const RANGES = { 'poll-max-ns': [0, 1_000_000_000], 'poll-grow': [0, 2_147_483_647], 'poll-shrink': [0, 2_147_483_647], 'poll-weight': [0, 63],
	'aio-max-batch': [0, Infinity], 'thread-pool-min': [0, 2_147_483_647], 'thread-pool-max': [1, 2_147_483_647] };

// Those of a device that say nothing of it that anyone would look for.
const NOT_LOOKED_FOR = new Set(['machine', 'reason', 'state', 'iothreads']);

/** What QEMU has unless it is set. Since QEMU 11.1, which has poll-weight, 0 is stored as these. */
export function defaultOf(name, iothread) {
	const newer = iothread['poll-weight'] !== undefined;
	return { 'poll-max-ns': 32768, 'poll-grow': newer ? 2 : 0, 'poll-shrink': newer ? 2 : 0, 'poll-weight': 3, 'aio-max-batch': 0,
		'thread-pool-min': 0, 'thread-pool-max': 64 }[name];
}

// All texts in what the service says of something.
function texts(what) {
	return typeof what === 'string' ? [what] : what === null || typeof what !== 'object' ? []
		: Object.entries(what).filter(([name]) => !NOT_LOOKED_FOR.has(name)).flatMap(([, value]) => texts(value));
}

// What is read of a machine again and again, beside the events.
const CHANGING = ['state', 'reason', 'run-state', 'balance', 'cpu-unavailable'];

export const USUAL = ['attached', 'main-loop'];

/**
 * One machine.
 */
class Machine {

	iothreads = new Map();

	devices = new Map();

	#cpu = new Map();

	#io = new Map();

	#summary = null;

	// Since when devices were seen waiting for the guest to let go.
	#waiting = new Map();

	/** Its last 15 minutes, or nothing while they are not read. */
	history = null;

	advice = null;

	constructor(info) {
		this.info = info;
	}

	get name() {
		return this.info.name;
	}

	/** Whether its guest runs, in QEMU's words; nothing when that is not known. */
	get runState() {
		return this.isUp ? this.info['run-state'] ?? '' : '';
	}

	get isUp() {
		return this.info.state === 'up';
	}

	/** Why it must not be changed, or nothing. */
	get locked() {
		if (this.info['managed-by']) {
			return `managed by ${this.info['managed-by']}`;
		}
		return this.info['read-only'] ? 'read-only' : '';
	}

	/** To be called when something in it has changed. */
	touch() {
		this.#summary = null;
	}

	/** All that is computed of it, until something changes. */
	get summary() {
		this.#summary ??= this.#sum();
		return this.#summary;
	}

	take(activity) {
		const cpu = new Map();
		for (const seen of activity.iothreads) {
			const time = Date.parse(seen['observed-at']);
			const used = seen['cpu-user-seconds'] + seen['cpu-system-seconds'];
			const before = this.#cpu.get(seen.id);
			const same = before?.thread === seen['thread-id'] && used >= before.used;
			if (same && time <= before.time) {
				cpu.set(seen.id, before);
				continue;
			}
			cpu.set(seen.id, { time, used, thread: seen['thread-id'],
				rate: same ? (used - before.used) * 1000 / (time - before.time) : undefined });
		}
		this.#cpu = cpu;
		const io = new Map();
		const time = Date.parse(activity['observed-at']);
		for (const seen of activity.devices.flatMap((device) => [device, ...device.disks ?? []])) {
			const counts = Object.values(seen.operations);
			const operations = counts.reduce((sum, count) => sum + count.count, 0);
			const bytes = counts.reduce((sum, count) => sum + count.bytes, 0);
			const before = this.#io.get(seen['qom-path']);
			const same = before && operations >= before.operations && bytes >= before.bytes;
			if (same && time <= before.time) {
				io.set(seen['qom-path'], before);
				continue;
			}
			const seconds = same ? (time - before.time) / 1000 : 0;
			io.set(seen['qom-path'], { time, operations, bytes, rate: seconds > 0 ? (operations - before.operations) / seconds : undefined,
				flow: seconds > 0 ? (bytes - before.bytes) / seconds : undefined });
		}
		this.#io = io;
		this.touch();
	}

	#since(info) {
		if (info.state !== 'detaching') {
			this.#waiting.delete(info['qom-path']);
			return null;
		}
		if (!this.#waiting.has(info['qom-path'])) {
			this.#waiting.set(info['qom-path'], new Date());
		}
		return this.#waiting.get(info['qom-path']);
	}

	// Which virtqueues of a device each IOThread serves, where QEMU says it.
	#queues() {
		const queues = new Map();
		for (const [id, info] of this.iothreads) {
			for (const { virtqueues, ...attachment } of info['attached-devices'].filter((device) => device.virtqueues)) {
				const of = queues.get(attachment['qom-path']) ?? new Map();
				queues.set(attachment['qom-path'], of.set(id, virtqueues));
			}
		}
		return queues;
	}

	#sum() {
		const queues = this.#queues();
		const devices = [...this.devices.values()].sort((one, other) => byName(one.id, other.id)).map((info) => {
			const io = this.#io.get(info['qom-path']);
			const here = info.iothreads.filter((id) => this.iothreads.has(id));
			const disks = (info.disks ?? []).map((disk) => ({ disk, rate: this.#io.get(disk['qom-path'])?.rate }));
			return { info, here, disks, queues: queues.get(info['qom-path']), since: this.#since(info), rate: io?.rate, flow: io?.flow };
		});
		const known = new Map(devices.map((device) => [device.info['qom-path'], device]));
		const threads = [...this.iothreads.values()].sort((one, other) => byName(one.id, other.id)).map((info) => {
			const attached = [...info['attached-devices']].sort((one, other) => byName(one.id, other.id)).map((attachment) =>
				known.get(attachment['qom-path']) ?? { info: { state: 'attached', iothreads: [info.id], ...attachment }, here: [info.id] });
			// Each virtqueue of a device on several IOThreads is taken to do the same.
			const sum = (what) => attached.every((device) => device[what] === undefined) ? undefined
				: attached.reduce((total, device) => total + (device[what] ?? 0) * partOf(device, info.id), 0);
			return { info, attached, cpu: this.#cpu.get(info.id)?.rate, rate: sum('rate'), flow: sum('flow') };
		});
		const total = (what) => threads.every((thread) => thread[what] === undefined) ? undefined
			: threads.reduce((sum, thread) => sum + (thread[what] ?? 0), 0);
		const loose = devices.filter((device) => device.here.length === 0);
		const sums = { rate: total('rate'), flow: total('flow'), cpu: total('cpu'),
			attached: threads.reduce((sum, thread) => sum + thread.attached.length, 0) };
		const are = (state) => devices.filter((device) => device.info.state === state).length;
		return { threads, devices, orphaned: are('orphaned'), unknown: are('unreadable'), detaching: are('detaching'), ...sums, ...balance(threads, this.info.balance),
			orphans: loose.filter((device) => device.info.state === 'orphaned'),
			unreadable: loose.filter((device) => device.info.state === 'unreadable'),
			mainLoop: loose.filter((device) => !['orphaned', 'unreadable'].includes(device.info.state)),
			words: this.#words(threads, devices) };
	}

	// What it can be found by.
	#words(threads, devices) {
		const { info } = this;
		return [this.name, info.state, this.locked, ...['run-state', 'guest-name', 'title', 'uuid', 'pid', 'qemu-version'].map((name) => info[name] ?? ''),
			...threads.flatMap((thread) => [thread.info.id, String(thread.info['thread-id']), ...thread.attached.map((device) => device.info.id)]),
			...devices.flatMap((device) => [...texts(device.info), USUAL.includes(device.info.state) ? '' : device.info.state])]
			.join('\n').toLowerCase();
	}

}

// Which part of a device's work an IOThread does.
function partOf({ here, queues }, id) {
	const all = queues ? [...queues.values()].reduce((sum, numbers) => sum + numbers.length, 0) : 0;
	return all > 0 ? (queues.get(id)?.length ?? 0) / all : 1 / Math.max(1, here.length);
}

// How the work is spread. Which measure counts, and whether that is uneven, the service
// says, so that the page, the alerts and the API agree.
function balance(threads, said) {
	const judged = ['even', 'uneven'].includes(said?.state);
	const measure = !judged ? 'devices' : said.measure === 'operations' ? 'operations' : 'CPU';
	const load = { operations: (thread) => thread.rate ?? 0, CPU: (thread) => thread.cpu ?? 0, devices: (thread) => thread.attached.length }[measure];
	const loads = threads.map(load);
	const total = loads.reduce((sum, value) => sum + value, 0);
	const most = Math.max(0, ...loads);
	threads.forEach((thread, index) => {
		thread.share = total > 0 ? loads[index] / total : 0;
		thread.height = most > 0 ? loads[index] / most : 0;
	});
	const uneven = said?.state === 'uneven';
	return { measure, ratio: total > 0 ? most * threads.length / total : 1, uneven, sentence: said?.sentence ?? '',
		busiest: uneven ? threads.find((thread) => thread.info.id === said.busiest) ?? null : null };
}

/**
 * All machines. Listeners are called with the machines that have changed.
 */
export class Fleet extends EventTarget {

	machines = new Map();

	/** Says that something of a machine is to be shown anew. */
	touched(machine) {
		this.#changed(machine);
	}

	#changed(machine) {
		machine.touch();
		this.dispatchEvent(new CustomEvent('change', { detail: machine }));
	}

	/** Takes the lists for what there is. */
	replace(machines, iothreads, devices) {
		const unread = new Set([...iothreads.unavailable, ...devices.unavailable]);
		if (iothreads.andMore || devices.andMore) {
			const read = new Set(iothreads.items.map((info) => info.machine));
			machines.filter((info) => !read.has(info.name)).forEach((info) => unread.add(info.name));
		}
		const names = new Set(machines.map((info) => info.name));
		for (const name of this.machines.keys()) {
			if (!names.has(name)) {
				this.machines.delete(name);
			}
		}
		for (const info of machines) {
			const machine = this.machines.get(info.name) ?? new Machine(info);
			this.machines.set(info.name, machine);
			machine.info = info;
			if (!unread.has(info.name)) {
				machine.iothreads = new Map();
				machine.devices = new Map();
			}
		}
		for (const info of iothreads.items) {
			if (!unread.has(info.machine)) {
				this.machines.get(info.machine)?.iothreads.set(info.id, info);
			}
		}
		for (const info of devices.items) {
			if (!unread.has(info.machine)) {
				this.machines.get(info.machine)?.devices.set(info['qom-path'], info);
			}
		}
		this.machines.forEach((machine) => this.#changed(machine));
		this.dispatchEvent(new CustomEvent('machines'));
		// Those that are up and were left out have yet to be read.
		return ![...unread].some((name) => this.machines.get(name)?.isUp);
	}

	/** Takes what the machines say of themselves, and nothing else; returns whether they are those that are known. */
	describe(machines) {
		for (const info of machines) {
			const machine = this.machines.get(info.name);
			if (machine && CHANGING.some((name) => JSON.stringify(machine.info[name]) !== JSON.stringify(info[name]))) {
				machine.info = info;
				this.#changed(machine);
			}
		}
		return machines.length === this.machines.size && machines.every((info) => this.machines.has(info.name));
	}

	/** Takes counts for rates. */
	measure(activities) {
		for (const activity of activities) {
			const machine = this.machines.get(activity.machine);
			if (machine) {
				machine.take(activity);
				this.#changed(machine);
			}
		}
	}

	/** Takes an event of the stream. */
	apply(kind, data) {
		const machine = this.machines.get(data.machine ?? data.name);
		if (!machine) {
			return;
		}
		switch (kind) {
			case 'machine-up':
			case 'machine-down':
			case 'machine-changed':
				machine.info = data;
				break;
			case 'iothread-added':
			case 'iothread-changed':
				machine.iothreads.set(data.id, data);
				break;
			case 'iothread-removed':
				machine.iothreads.delete(data.id);
				break;
			case 'device-attached':
			case 'device-changed':
				machine.devices.set(data['qom-path'], data);
				break;
			case 'device-detached':
				machine.devices.delete(data['qom-path']);
				break;
		}
		this.#changed(machine);
	}

}

// What is known of the machines: the lists as they were read, what the events have
// changed since, and rates between the counts that were read last.

import { byName } from './format.js';

const SETTINGS = ['poll-max-ns', 'poll-grow', 'poll-shrink', 'poll-weight', 'aio-max-batch', 'thread-pool-min', 'thread-pool-max'];

// Below these the numbers are noise, and no reason to call anything uneven.
const SOME_OPERATIONS = 10;

const SOME_CPU = 0.05;

// The busiest has this many times what it would have if all had the same.
const UNEVEN = 1.6;

export { SETTINGS };

/**
 * One machine.
 */
class Machine {

	iothreads = new Map();

	devices = new Map();

	#cpu = new Map();

	#io = new Map();

	#summary = null;

	constructor(info) {
		this.info = info;
	}

	get name() {
		return this.info.name;
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
		for (const seen of activity.devices) {
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

	#sum() {
		const devices = [...this.devices.values()].sort((one, other) => byName(one.id, other.id)).map((info) => {
			const io = this.#io.get(info['qom-path']);
			const here = info.iothreads.filter((id) => this.iothreads.has(id));
			return { info, here, rate: io?.rate, flow: io?.flow };
		});
		const known = new Map(devices.map((device) => [device.info['qom-path'], device]));
		const threads = [...this.iothreads.values()].sort((one, other) => byName(one.id, other.id)).map((info) => {
			const attached = info['attached-devices'].map((attachment) =>
				known.get(attachment['qom-path']) ?? { info: { state: 'attached', iothreads: [info.id], ...attachment }, here: [info.id] });
			// A device on several IOThreads is taken to do the same on each.
			const sum = (what) => attached.every((device) => device[what] === undefined) ? undefined
				: attached.reduce((total, device) => total + (device[what] ?? 0) / Math.max(1, device.here.length), 0);
			return { info, attached, cpu: this.#cpu.get(info.id)?.rate, rate: sum('rate'), flow: sum('flow') };
		});
		const total = (what) => threads.every((thread) => thread[what] === undefined) ? undefined
			: threads.reduce((sum, thread) => sum + (thread[what] ?? 0), 0);
		const loose = devices.filter((device) => device.here.length === 0);
		const sums = { rate: total('rate'), flow: total('flow'), cpu: total('cpu'),
			attached: threads.reduce((sum, thread) => sum + thread.attached.length, 0) };
		return { threads, devices, ...sums, ...balance(threads, sums),
			orphans: loose.filter((device) => device.info.state === 'orphaned'),
			unreadable: loose.filter((device) => device.info.state === 'unreadable'),
			mainLoop: loose.filter((device) => !['orphaned', 'unreadable'].includes(device.info.state)),
			words: this.#words(threads, devices) };
	}

	// What it can be found by.
	#words(threads, devices) {
		return [this.name, this.info.state, this.locked, this.info['qemu-version'] ?? '', ...threads.map((thread) => thread.info.id),
			...threads.flatMap((thread) => thread.attached.map((device) => device.info.id)),
			...devices.flatMap(({ info }) => [info.id, info.driver, info.drive ?? '', info.state === 'attached' ? '' : info.state])]
			.join('\n').toLowerCase();
	}

}

// Operations show best how work is spread, then CPU, then the number of devices.
function balance(threads, sums) {
	const measure = sums.rate >= SOME_OPERATIONS ? 'operations' : sums.cpu >= SOME_CPU ? 'CPU' : 'devices';
	const load = { operations: (thread) => thread.rate ?? 0, CPU: (thread) => thread.cpu ?? 0, devices: (thread) => thread.attached.length }[measure];
	const loads = threads.map(load);
	const total = loads.reduce((sum, value) => sum + value, 0);
	const most = Math.max(0, ...loads);
	threads.forEach((thread, index) => {
		thread.share = total > 0 ? loads[index] / total : 0;
		thread.height = most > 0 ? loads[index] / most : 0;
	});
	const ratio = total > 0 ? most * threads.length / total : 1;
	const uneven = threads.length > 1 && ratio >= UNEVEN && (measure !== 'devices' || most - Math.min(...loads) > 1);
	return { measure, ratio, busiest: uneven ? threads[loads.indexOf(most)] : null };
}

/**
 * All machines. Listeners are called with the machines that have changed.
 */
export class Fleet extends EventTarget {

	machines = new Map();

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

	/** Takes what the machines say of themselves, and nothing else. */
	describe(machines) {
		for (const info of machines) {
			const machine = this.machines.get(info.name);
			if (machine && (machine.info.state !== info.state || machine.info.reason !== info.reason)) {
				machine.info = info;
				this.#changed(machine);
			}
		}
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

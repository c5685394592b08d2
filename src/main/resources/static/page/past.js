// What the service remembers of the machines that can be seen: their last 15 minutes, and
// the advice that follows from them for those that are open.

import * as api from './api.js';
import { MEMORY } from './chart.js';

const PAUSE = 15_000;

// As many as leave connections for changes.
const AT_ONCE = 3;

const SERIES = { 'cpu-percent': 'cpu', operations: 'operations' };

const series = (times, said, before, from) => ({ times, ...Object.fromEntries(Object.entries(SERIES).map(([name, short]) => [short, [...before?.[short] ?? [], ...said?.[name] ?? []].slice(from)])) });

/** Adds what was asked for since the last time to what is known. */
export function joined(before, said) {
	const times = [...before?.times ?? [], ...said.times];
	const from = Math.max(0, times.findIndex((time) => time > times.at(-1) - MEMORY));
	const known = before?.times.length ?? 0;
	const gap = { cpu: Array(known).fill(null), operations: Array(known).fill(null) };
	const kept = times.slice(from);
	return { times: kept, all: series(kept, said, before?.all, from),
		iothreads: new Map(said.iothreads.map((thread) => [thread.id, series(kept, thread, before?.iothreads.get(thread.id) ?? gap, from)])) };
}

export class Past {

	#wanted = new Set();

	#reading = new Set();

	#timer = 0;

	/**
	 * @param fleet whose machines it is read of
	 * @param isOpen whether a machine's IOThreads are shown
	 */
	constructor(fleet, isOpen) {
		this.fleet = fleet;
		this.isOpen = isOpen;
		this.seen = new Set();
		this.observer = new IntersectionObserver((entries) => {
			for (const { target, isIntersecting } of entries) {
				this.seen[isIntersecting ? 'add' : 'delete'](target.dataset.machine);
				if (isIntersecting) {
					this.want(target.dataset.machine);
				}
			}
		});
	}

	/** Reads it of all that are seen, now and then. */
	start() {
		clearInterval(this.#timer);
		this.#timer = setInterval(() => document.hidden || this.seen.forEach((name) => this.want(name)), PAUSE);
		this.seen.forEach((name) => this.want(name));
	}

	stop() {
		clearInterval(this.#timer);
	}

	want(name) {
		this.#wanted.add(name);
		this.#next();
	}

	#next() {
		for (const name of this.#wanted) {
			if (this.#reading.size >= AT_ONCE) {
				return;
			}
			this.#wanted.delete(name);
			const machine = this.fleet.machines.get(name);
			if (machine?.isUp && !this.#reading.has(name)) {
				this.#reading.add(name);
				this.#read(machine).finally(() => {
					this.#reading.delete(name);
					this.#next();
				});
			}
		}
	}

	async #read(machine) {
		try {
			const said = await api.history(machine.name, machine.history?.times.at(-1));
			machine.history = joined(machine.history, said);
			if (this.isOpen(machine.name)) {
				machine.advice = await api.advice(machine.name);
			}
			this.fleet.touched(machine);
		}
		catch {
			// The connection shows whether the service answers. It is asked again soon.
		}
	}

}

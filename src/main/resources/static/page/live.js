// Follows the service: the lists once, then the stream of events, and the counts now and
// then. When the connection is lost it is tried again, and the lists are read anew.

import * as api from './api.js';
import { follow } from './stream.js';

const SHORTEST_PAUSE = 1000;

const LONGEST_PAUSE = 10_000;

// Two counts soon after each other, so that there are rates; then less often.
const FIRST_COUNTS = 1200;

const COUNTS = 2500;

const COUNTS_OF_MANY = 5000;

const MANY = 20;

export class Live extends EventTarget {

	state = 'connecting';

	/** When the service was heard last. */
	heard = new Date();

	reason = '';

	/** What the service says of itself, and of what the user may do. */
	service = null;

	needsSignIn = false;

	#fleet;

	#stream = null;

	#pause = SHORTEST_PAUSE;

	#retry = 0;

	#poll = 0;

	#polls = 0;

	/** Events that came while the lists were being read, or nothing when they are not. */
	#waiting = null;

	#reading = false;

	#readAgain = 0;

	constructor(fleet) {
		super();
		this.#fleet = fleet;
		addEventListener('online', () => this.again());
		// A page that the browser keeps for going back would keep its stream: one of the six
		// connections that a browser has to a service.
		addEventListener('pagehide', () => {
			const stream = this.#stream;
			this.#stream = null;
			stream?.close();
		});
		addEventListener('pageshow', (event) => {
			if (event.persisted) {
				this.renew();
			}
		});
		document.addEventListener('visibilitychange', () => {
			if (!document.hidden) {
				this.#count();
			}
		});
		this.#open();
	}

	/** Connects at once instead of after the pause. */
	again() {
		if (this.state !== 'live') {
			this.#pause = SHORTEST_PAUSE;
			this.#open();
		}
	}

	/** Connects again with other credentials. */
	renew() {
		this.#pause = SHORTEST_PAUSE;
		this.#open();
	}

	/** Reads the lists when no stream would report a change. */
	changed() {
		if (this.state !== 'live') {
			this.again();
		}
	}

	#become(state, reason = '') {
		this.reason = reason;
		if (this.state !== state) {
			this.state = state;
		}
		this.dispatchEvent(new CustomEvent('state'));
	}

	// First the stream, then the lists: nothing is missed between them.
	#open() {
		clearTimeout(this.#retry);
		this.#stream?.close();
		this.#waiting = [];
		const stream = follow(api.events, () => this.#read(), (kind, data) => kind === 'resync' ? this.#read() : this.#hear(kind, data),
			() => this.#received());
		this.#stream = stream;
		stream.ended.then(() => this.#lose(stream), (failure) => this.#lose(stream, failure));
	}

	#lose(stream, failure = null) {
		if (stream !== this.#stream) {
			return;
		}
		const reason = failure instanceof api.Problem ? failure.message : '';
		this.needsSignIn = Boolean(failure?.needsSignIn);
		stream.close();
		clearTimeout(this.#poll);
		clearTimeout(this.#retry);
		this.#become('lost', reason);
		this.#retry = setTimeout(() => this.#open(), this.#pause);
		this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
	}

	#received() {
		this.heard = new Date();
	}

	#hear(kind, data) {
		if (this.#waiting) {
			this.#waiting.push([kind, data]);
			return;
		}
		const before = this.#fleet.machines.get(data.name)?.info;
		this.#fleet.apply(kind, data);
		this.dispatchEvent(new CustomEvent('event', { detail: { kind, data, before } }));
		if (kind.startsWith('machine-')) {
			// What it has, or whether it is still there at all, is in the lists.
			this.#readSoon(200);
		}
	}

	#readSoon(delay) {
		clearTimeout(this.#readAgain);
		this.#readAgain = setTimeout(() => this.#read(), delay);
	}

	async #read() {
		if (this.#reading) {
			this.#readSoon(200);
			return;
		}
		const stream = this.#stream;
		this.#reading = true;
		this.#waiting ??= [];
		try {
			const [service, machines, iothreads, devices] = await Promise.all([api.service(), api.machines(), api.ofAll('iothreads'), api.ofAll('devices')]);
			if (stream !== this.#stream) {
				return;
			}
			this.#received();
			this.service = service;
			const complete = this.#fleet.replace(machines, iothreads, devices);
			const waiting = this.#waiting ?? [];
			this.#waiting = null;
			waiting.forEach(([kind, data]) => this.#hear(kind, data));
			this.#pause = SHORTEST_PAUSE;
			this.needsSignIn = false;
			if (this.state === 'live') {
				this.#become('live');
			}
			else {
				this.#polls = 0;
				this.#become('live');
				this.#count();
			}
			if (!complete) {
				this.#readSoon(2000);
			}
		}
		catch (failure) {
			this.#lose(stream, failure);
		}
		finally {
			this.#reading = false;
		}
	}

	async #count() {
		clearTimeout(this.#poll);
		const stream = this.#stream;
		if (this.state !== 'live' || document.hidden) {
			return;
		}
		try {
			this.#fleet.measure(await api.activity());
			this.#received();
			if (!this.#fleet.describe(await api.machines())) {
				this.#readSoon(0);
			}
		}
		catch (failure) {
			if (failure instanceof api.Unreachable || failure.needsSignIn) {
				this.#lose(stream, failure);
				return;
			}
		}
		if (this.state === 'live') {
			const pause = this.#fleet.machines.size > MANY ? COUNTS_OF_MANY : COUNTS;
			clearTimeout(this.#poll);
			this.#poll = setTimeout(() => this.#count(), this.#polls++ === 0 ? FIRST_COUNTS : pause);
		}
	}

}

// What is known of the connection and of the service, and the latest changes.

import { h, text, attribute } from './dom.js';
import { clock } from './format.js';

/**
 * What is known of the connection.
 */
export class ConnectionView {

	#pill = document.getElementById('connection');

	#host = document.getElementById('host');

	#banner = document.getElementById('lost');

	#words = document.getElementById('lost-words');

	#again = document.getElementById('again');

	/** What is in the tab: where this is, and how it is there. */
	title(live, machines) {
		const away = ['down', 'busy', 'connecting']
			.map((state) => [machines.filter((machine) => machine.info.state === state).length, state])
			.filter(([count]) => count > 0)
			.map((words) => words.join(' '));
		const how = live.state === 'lost' ? 'no connection' : live.state === 'connecting' ? '' : away.join(' · ') || 'all up';
		document.title = `${[live.service?.host, how].filter((word) => word).join(' · ')} – IOThreads`.replace(/^ – /, '');
	}

	show(live) {
		attribute(this.#pill, 'data-state', live.state);
		const { host, version } = live.service ?? {};
		text(this.#host, [host, version].filter((word) => word).join(' · '));
		text(this.#pill, { connecting: 'Connecting', live: 'Live', lost: 'Lost' }[live.state]);
		attribute(this.#banner, 'hidden', live.state !== 'lost');
		text(this.#again, live.needsSignIn ? 'Sign in' : 'Try now');
		text(this.#words, live.state !== 'lost' ? '' : live.needsSignIn ? live.reason : `The connection is lost: the last message came at ${clock(live.heard)}. What is shown is as it was then. The page tries again by itself.`
			+ (live.reason ? ` ${live.reason}` : ''));
	}

}

const TOGETHER = 300;

// A screen reader needs time for the news before.
const PAUSE = 2500;

/**
 * The latest changes, shown for a while and read by screen readers. Changes that come
 * together are shown together.
 */
export class News {

	#element = document.getElementById('news');

	#coming = [];

	#timer = 0;

	#shownAt = -Infinity;

	say(words) {
		this.#coming.push(words);
		if (this.#coming.length === 1) {
			setTimeout(() => this.#show(), Math.max(TOGETHER, this.#shownAt + PAUSE - performance.now()));
		}
	}

	#show() {
		const words = this.#coming.length > 3 ? [...this.#coming.slice(-2), `and ${this.#coming.length - 2} more changes`] : this.#coming;
		this.#coming = [];
		this.#shownAt = performance.now();
		this.#element.replaceChildren(...words.map((line) => h('p', {}, line)));
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#element.replaceChildren(), 8000);
	}

}

// What is seen of the machines. Each view keeps its elements and touches those that show
// something else than before.

import { h, text, attribute, property, Views } from './dom.js';
import { NOTHING, bytes, clock, count, grouped, list, percent, rate } from './format.js';
import { SETTINGS } from './model.js';

const STATES = { up: 'up', connecting: 'connecting', busy: 'busy', down: 'down' };

const SHORT = { 'poll-max-ns': 'longest busy waiting, in ns; 0 is none' };

/** What a button does is in its data: one listener hears them all. */
function button(does, words, attributes = {}, kind = 'quiet') {
	return h(`button.${kind}`, { type: 'button', 'data-do': does, ...attributes }, words);
}

/**
 * A device where it runs.
 */
class DeviceView {

	constructor() {
		this.name = h('span.name');
		this.driver = h('span.driver');
		this.mark = h('span.mark', { hidden: true });
		this.rate = h('span.rate');
		this.detach = button('detach', '×', {}, 'remove');
		this.reason = h('p.reason', { hidden: true });
		this.element = h('li.device', {}, h('div.line', {}, this.name, this.driver, this.mark, this.rate, this.detach), this.reason);
	}

	show({ device, place, machine, locked, found }) {
		const { info } = device;
		const isDevice = !info.kind;
		attribute(this.element, 'data-device', info.id);
		attribute(this.element, 'data-state', info.state);
		attribute(this.element, 'data-found', found(info.id, info.driver ?? info.kind, info.drive ?? '', info.state));
		text(this.name, info.id);
		const others = device.here.filter((id) => id !== place);
		text(this.driver, [isDevice ? info.driver : info.kind, info.drive].filter((word) => word).join(' · ')
			+ (others.length > 0 ? ` · also on ${list(others)}` : ''));
		const usual = ['attached', 'main-loop'].includes(info.state);
		attribute(this.mark, 'hidden', usual);
		text(this.mark, usual ? '' : info.state);
		text(this.rate, device.rate === undefined ? '' : `${rate(device.rate)}/s`);
		attribute(this.rate, 'title', device.rate === undefined ? null : `${rate(device.rate)} operations per second, ${bytes(device.flow)}`);
		attribute(this.reason, 'hidden', !info.reason);
		text(this.reason, info.reason ?? '');
		attribute(this.detach, 'hidden', locked || !isDevice || info.state === 'detaching');
		attribute(this.detach, 'aria-label', `Detach ${info.id} from ${machine}`);
		attribute(this.detach, 'title', `Detach ${info.id}`);
	}

}

class DeviceList {

	constructor() {
		this.element = h('ul.devices', { role: 'list' });
		this.views = new Views(this.element, () => new DeviceView());
	}

	show(devices, place, machine, found) {
		this.views.show(devices.map((device) => ({ device, place, machine: machine.name, locked: machine.locked, found })),
			({ device }) => device.info['qom-path'] ?? `${device.info.kind} ${device.info.id}`);
	}

}

/**
 * An IOThread and what runs on it.
 */
class IOThreadView {

	constructor({ machine }) {
		this.heading = h('h3');
		this.number = h('strong');
		this.cnt = h('span.cnt', {}, this.number, ' attached');
		this.share = h('span.share');
		this.fill = h('span.fill');
		this.cpu = h('dd');
		this.rate = h('dd');
		this.flow = h('dd');
		this.devices = new DeviceList();
		this.none = h('p.none', {}, 'Nothing runs on it.');
		this.settings = h('dl.settings');
		this.values = new Map(SETTINGS.map((name) => {
			const value = h('dd');
			const pair = h('div', { title: SHORT[name] ?? null }, h('dt', {}, name), value);
			this.settings.append(pair);
			return [name, { pair, value }];
		}));
		this.attach = button('attach', 'Attach');
		this.tune = button('tune', 'Tune');
		this.remove = button('remove', 'Remove');
		this.actions = h('div.actions', {}, this.attach, this.tune, this.remove);
		this.numbers = h('dl.numbers', {}, h('div', {}, h('dt', {}, 'CPU'), this.cpu), h('div', {}, h('dt', {}, 'ops/s'), this.rate),
			h('div', {}, h('dt', {}, 'data'), this.flow));
		this.element = h('section.card', { 'data-machine': machine.name },
			h('div.head', {}, this.heading, this.cnt),
			h('div.load', {}, h('span.track', { 'aria-hidden': 'true' }, this.fill), this.share),
			this.numbers, this.devices.element, this.none, this.settings, this.actions);
	}

	show({ thread, machine, found }) {
		const { info, attached } = thread;
		const { measure, busiest, cpu, rate: operations } = machine.summary;
		attribute(this.element, 'data-iothread', info.id);
		attribute(this.element, 'aria-label', `IOThread ${info.id} of ${machine.name}`);
		attribute(this.element, 'data-busiest', busiest === thread);
		attribute(this.element, 'data-found', found(info.id));
		text(this.heading, info.id);
		text(this.number, String(attached.length));
		property(this.fill, '--share', thread.share.toFixed(3));
		text(this.share, `${percent(thread.share)} of the ${measure}`);
		attribute(this.numbers, 'hidden', cpu === undefined && operations === undefined);
		text(this.cpu, percent(thread.cpu));
		attribute(this.cpu, 'title', thread.cpu === undefined ? machine.info['cpu-unavailable'] : null);
		text(this.rate, rate(thread.rate));
		text(this.flow, thread.flow === undefined ? NOTHING : bytes(thread.flow));
		this.devices.show(attached, info.id, machine, found);
		attribute(this.none, 'hidden', attached.length > 0);
		for (const [name, { pair, value }] of this.values) {
			attribute(pair, 'hidden', info[name] === undefined);
			text(value, info[name] === undefined ? '' : grouped(info[name]));
		}
		attribute(this.actions, 'hidden', Boolean(machine.locked));
		attribute(this.attach, 'aria-label', `Attach a device to ${info.id} of ${machine.name}`);
		attribute(this.tune, 'aria-label', `Tune ${info.id} of ${machine.name}`);
		attribute(this.remove, 'aria-label', `Remove ${info.id} of ${machine.name}`);
	}

}

/**
 * Devices that are on no IOThread that can be seen.
 */
class LooseView {

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

/**
 * One bar for each IOThread.
 */
class Strip {

	constructor() {
		this.element = h('span.strip', { role: 'img' });
		this.bars = [];
	}

	show({ threads, measure, busiest }) {
		while (this.bars.length < threads.length) {
			this.bars.push(this.element.appendChild(h('span')));
		}
		while (this.bars.length > threads.length) {
			this.bars.pop().remove();
		}
		threads.forEach((thread, index) => {
			property(this.bars[index], '--height', thread.height.toFixed(2));
			attribute(this.bars[index], 'data-busiest', thread === busiest);
		});
		const words = threads.map((thread) => `${thread.info.id} ${percent(thread.share)}`);
		attribute(this.element, 'aria-label', threads.length > 0 ? `Share of the ${measure}: ${words.join(', ')}` : 'No IOThreads');
		attribute(this.element, 'title', threads.length > 0 ? `Share of the ${measure}\n${words.join('\n')}` : null);
	}

}

const NOWHERE = () => false;

/**
 * A machine: a row with its state, and its IOThreads beneath when it is open.
 */
export class MachineView {

	#body = null;

	#cards = null;

	constructor(machine) {
		this.machine = machine;
		const id = `machine-${machine.name}`;
		this.toggle = h('button.toggle', { type: 'button', 'data-do': 'toggle', 'data-home': true, 'aria-expanded': 'false', 'aria-controls': id },
			h('span.chevron', { 'aria-hidden': 'true' }), h('span', {}, machine.name));
		this.state = h('span.state');
		this.lock = h('span.lock', { hidden: true });
		this.strip = new Strip();
		this.numbers = Object.fromEntries(['iothreads', 'devices', 'cpu', 'rate'].map((name) => [name, { value: h('dd'), unit: h('dt') }]));
		this.notes = h('span.notes');
		this.orphans = h('span.mark', { hidden: true, 'data-kind': 'orphaned' });
		this.detaching = h('span.mark', { hidden: true, 'data-kind': 'detaching' });
		this.uneven = h('span.mark', { hidden: true, 'data-kind': 'uneven' });
		this.notes.append(this.uneven, this.orphans, this.detaching);
		this.reason = h('p.reason', { hidden: true });
		this.content = h('div.content', { id, hidden: true });
		this.row = h('div.row', {}, h('h2', {}, this.toggle), h('span.states', {}, this.state, this.lock), this.strip.element,
			h('dl.sums', {}, ...Object.entries(this.numbers).map(([name, { value, unit }]) => h('div', { 'data-of': name }, value, unit))), this.notes);
		this.element = h('article.machine', { 'data-machine': machine.name, 'aria-label': machine.name }, this.row, this.reason, this.content);
	}

	get isOpen() {
		return this.toggle.getAttribute('aria-expanded') === 'true';
	}

	open(whether) {
		if (whether !== this.isOpen) {
			attribute(this.toggle, 'aria-expanded', whether ? 'true' : 'false');
			attribute(this.content, 'hidden', !whether);
			return true;
		}
		return false;
	}

	/** Shows the machine as it is; found says whether a search matches a text. */
	show(found = NOWHERE) {
		const { machine } = this;
		const { info, summary } = machine;
		attribute(this.element, 'data-state', info.state);
		const runs = (info['run-state'] ?? 'running') === 'running';
		text(this.state, machine.isUp && !runs ? `up, ${info['run-state']}` : STATES[info.state] ?? info.state);
		attribute(this.lock, 'hidden', !machine.locked);
		text(this.lock, machine.locked);
		attribute(this.reason, 'hidden', !info.reason);
		text(this.reason, info.reason ?? '');
		const known = machine.isUp;
		attribute(this.strip.element, 'hidden', !known);
		this.strip.show(summary);
		this.#number('iothreads', known ? grouped(summary.threads.length) : NOTHING, summary.threads.length === 1 ? 'IOThread' : 'IOThreads');
		this.#number('devices', known ? grouped(summary.devices.length) : NOTHING, summary.devices.length === 1 ? 'device' : 'devices');
		this.#number('cpu', known ? percent(summary.cpu) : NOTHING, 'CPU');
		this.#number('rate', known ? rate(summary.rate) : NOTHING, 'ops/s');
		const { busiest, measure } = summary;
		this.#note(this.uneven, known && busiest ? `${busiest.info.id} has ${percent(busiest.share)} of the ${measure}` : '');
		const are = (state) => summary.devices.filter((device) => device.info.state === state).length;
		this.#note(this.orphans, known && are('orphaned') > 0 ? `${are('orphaned')} orphaned` : '');
		this.#note(this.detaching, known && are('detaching') > 0 ? `${are('detaching')} detaching` : '');
		if (this.isOpen) {
			this.#showBody(found);
		}
	}

	#number(name, value, unit) {
		text(this.numbers[name].value, value);
		text(this.numbers[name].unit, unit);
	}

	#note(mark, words) {
		attribute(mark, 'hidden', !words);
		text(mark, words);
	}

	#showBody(found) {
		const { machine } = this;
		const { info, summary } = machine;
		if (!this.#body) {
			this.about = h('p.about');
			this.cpuNote = h('p.about', { hidden: true });
			this.add = button('add', 'Add IOThread', { 'aria-label': `Add an IOThread to ${machine.name}` }, 'plain');
			this.attach = button('attach', 'Attach device', { 'aria-label': `Attach a device to ${machine.name}` }, 'plain');
			this.none = h('p.none', {}, 'It has no IOThread: all its devices run in QEMU’s main loop.');
			const cards = h('div.cards');
			this.#cards = new Views(cards, (item) => item.thread ? new IOThreadView(item) : new LooseView(item));
			this.tools = h('div.tools', {}, this.add, this.attach);
			this.#body = h('div.body', {}, this.none, cards, h('div.foot', {}, this.tools, this.about, this.cpuNote));
			this.content.append(this.#body);
		}
		attribute(this.#body, 'hidden', !machine.isUp);
		text(this.about, [info['qemu-version'] === 'embedded' ? 'embedded' : `QEMU ${info['qemu-version'] ?? NOTHING}`,
			info.monitor === 'embedded' ? '' : info.monitor,
			machine.locked ? `${machine.locked}: it is only shown` : ''].filter((words) => words).join(' · '));
		attribute(this.cpuNote, 'hidden', !info['cpu-unavailable']);
		text(this.cpuNote, info['cpu-unavailable'] ? `CPU is not known. ${info['cpu-unavailable']}` : '');
		attribute(this.tools, 'hidden', Boolean(machine.locked));
		attribute(this.attach, 'hidden', summary.threads.length === 0);
		attribute(this.none, 'hidden', summary.threads.length > 0);
		const items = summary.threads.map((thread) => ({ key: `thread ${thread.info.id}`, thread, machine, found }));
		if (summary.orphans.length > 0) {
			items.push({ key: 'orphans', kind: 'orphans', title: 'No visible IOThread', devices: summary.orphans, machine, found,
				words: 'Their IOThread is removed, and their requests run on a thread that QEMU does not list.' });
		}
		if (summary.unreadable.length > 0) {
			items.push({ key: 'unreadable', kind: 'orphans', title: 'Unknown IOThread', devices: summary.unreadable, machine, found,
				words: 'QEMU does not say what they run on: no IOThread of this machine is removed while they are there.' });
		}
		if (summary.mainLoop.length > 0) {
			items.push({ key: 'main', kind: 'main', title: 'Main loop', devices: summary.mainLoop, machine, found,
				words: 'On no IOThread: they share QEMU’s main loop.' });
		}
		this.#cards.show(items, (item) => item.key);
	}

}

/**
 * What is known of the connection.
 */
export class ConnectionView {

	#pill = document.getElementById('connection');

	#banner = document.getElementById('lost');

	#words = document.getElementById('lost-words');

	#again = document.getElementById('again');

	show(live) {
		attribute(this.#pill, 'data-state', live.state);
		text(this.#pill, { connecting: 'Connecting', live: 'Live', lost: 'Lost' }[live.state]);
		attribute(this.#banner, 'hidden', live.state !== 'lost');
		text(this.#again, live.needsSignIn ? 'Sign in' : 'Try now');
		text(this.#words, live.state !== 'lost' ? '' : live.needsSignIn ? live.reason : `The connection was lost at ${clock(live.since)}. What is shown is as it was then; it is tried again.`
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

import * as api from './api.js';
import * as devices from './devices.js';
import * as settings from './settings.js';
import { attribute, arrange, text, toClipboard } from './dom.js';
import { Filter } from './filter.js';
import { showFailure } from './forms.js';
import { count } from './format.js';
import { Fleet } from './model.js';
import { Live } from './live.js';
import { Past } from './past.js';
import { Picked } from './picked.js';
import { ConnectionView, News } from './status.js';
import { MachineView } from './table.js';

// How many machines are open from the beginning.
const OPEN = 6;

// Machines that a search found are opened when they are at most this many.
const OPEN_FOUND = 10;

// Of a frame of 16 ms.
const SHARE_OF_FRAME = 8;

const NO_CONNECTION = 'The connection to the service is lost: nothing can be changed until it is back.';

const fleet = new Fleet();
const live = new Live(fleet);
const news = new News();
const connection = new ConnectionView();
const filter = new Filter();
const views = new Map();
const dirty = new Set();
const past = new Past(fleet, (name) => views.get(name)?.isOpen);
const picked = new Picked(fleet, changed);

const list = document.getElementById('list');
const head = [...list.children];
const find = document.getElementById('find');
const who = document.getElementById('who');
const signIn = document.getElementById('sign-in');
const empty = document.getElementById('empty');

let scheduled = false;
let reorder = true;

/** Those that were opened or closed by hand: a search does not change these. */
const wishes = new Map();

// A list that changes its order under the pointer is hard to hit.
let pointed = false;

function schedule() {
	if (!scheduled) {
		scheduled = true;
		requestAnimationFrame(render);
	}
}

function render() {
	scheduled = false;
	const end = performance.now() + SHARE_OF_FRAME;
	for (const machine of dirty) {
		dirty.delete(machine);
		views.get(machine.name)?.show(found);
		if (performance.now() > end) {
			break;
		}
	}
	if (dirty.size > 0) {
		schedule();
		return;
	}
	const machines = [...fleet.machines.values()];
	filter.count(machines);
	if (reorder) {
		reorder = false;
		order(machines);
	}
	const sum = (of) => machines.reduce((total, machine) => total + of(machine), 0);
	text(document.getElementById('totals'), live.state === 'connecting' ? ''
		: [count(machines.length, 'machine'), count(sum((machine) => machine.iothreads.size), 'IOThread'),
			count(sum((machine) => machine.devices.size), 'device')].join(' · '));
	connection.title(live, machines);
	if (live.state === 'live' && performance.getEntriesByName('all machines').length === 0) {
		performance.mark('all machines');
	}
	enable();
	picked.show();
}

function found(...texts) {
	return filter.isSearching && filter.words.some((word) => texts.some((candidate) => candidate.toLowerCase().includes(word)));
}

// What would change something can be pressed while the connection is there.
function enable() {
	const lost = live.state === 'lost';
	for (const button of document.querySelectorAll(lost ? 'button.changes:not(:disabled)' : 'button.changes:disabled')) {
		button.disabled = lost;
		button.dataset.title ??= button.title;
		button.title = lost ? NO_CONNECTION : button.dataset.title;
	}
}

// Which are shown, and in which order.
function order(machines) {
	for (const name of views.keys()) {
		if (!fleet.machines.has(name)) {
			views.delete(name);
		}
	}
	const shown = filter.of(machines);
	const inside = filter.isSearching && shown.length <= OPEN_FOUND;
	for (const machine of shown) {
		const view = views.get(machine.name);
		const wish = wishes.get(machine.name) ?? (inside && !filter.words.every((word) => machine.name.toLowerCase().includes(word))
			|| machines.length <= OPEN);
		if (view.open(wish) && wish) {
			past.want(machine.name);
			view.show(found);
		}
	}
	arrange(list, [...head, ...shown.map((machine) => views.get(machine.name).element)]);
	text(document.getElementById('found'), shown.length < machines.length ? `${shown.length} of ${count(machines.length, 'machine')}` : '');
	attribute(empty, 'hidden', shown.length > 0 || live.state === 'connecting');
	attribute(list, 'hidden', shown.length === 0);
	text(empty, machines.length === 0 ? 'The service knows no machine yet: its configuration names none, or the directory it looks into has no sockets.'
		: filter.chosen.size > 0 ? 'No machine is as is asked for: choose fewer of the counts above, or look for something else.'
			: 'No machine has anything of that name.');
}

fleet.addEventListener('change', ({ detail: machine }) => {
	dirty.add(machine);
	// Rates change all the time: the order follows while the user is not pointing at the
	// list. A search, and what the counts above choose, may match what has changed.
	if ((filter.sort !== 'name' && !pointed) || filter.isSearching || filter.chosen.size > 0) {
		reorder = true;
	}
	schedule();
});

fleet.addEventListener('machines', () => {
	for (const machine of fleet.machines.values()) {
		if (views.get(machine.name)?.machine !== machine) {
			const view = new MachineView(machine);
			views.set(machine.name, view);
			past.observer.observe(view.element);
		}
	}
	reorder = true;
	schedule();
});

filter.addEventListener('change', () => {
	reorder = true;
	if (filter.isSearching || list.querySelector('[data-found]')) {
		fleet.machines.forEach((machine) => dirty.add(machine));
	}
	schedule();
});

function showRole() {
	document.body.dataset.role = live.service?.role ?? 'viewer';
	attribute(signIn, 'hidden', live.service?.role === 'operator' || !who.hidden);
}

live.addEventListener('state', () => {
	connection.show(live);
	document.body.dataset.connection = live.state;
	showRole();
	past[live.state === 'live' ? 'start' : 'stop']();
	schedule();
});

const SAID = {
	'machine-up': (data) => `${data.name} is up`,
	'machine-down': (data) => `${data.name} is ${data.state}`,
	'machine-changed': (data, before) => data['run-state'] && data['run-state'] !== before?.['run-state'] ? `${data.name}’s guest is ${data['run-state']}` : '',
	'iothread-added': (data) => `${data.machine}: IOThread ${data.id} was added`,
	'iothread-removed': (data) => `${data.machine}: IOThread ${data.id} is removed`,
	'device-attached': (data) => `${data.machine}: ${data.id} is now on ${data.iothreads.join(' and ') || 'the main loop'}`,
	'device-detached': (data) => `${data.machine}: ${data.id} is detached`,
	'device-changed': (data) => ['attached', 'main-loop'].includes(data.state) ? '' : `${data.machine}: ${data.id} is ${data.state}`
};

live.addEventListener('event', ({ detail: { kind, data, before } }) => {
	const said = SAID[kind]?.(data, before);
	if (said) {
		news.say(said);
	}
});

function changed(said) {
	// The stream reports it like the changes of other clients.
	if (live.state !== 'live' || said.startsWith('The guest') || said.endsWith('tuned')) {
		news.say(said);
	}
	live.changed();
}

devices.whenSignedIn((name) => {
	attribute(who, 'hidden', false);
	attribute(signIn, 'hidden', true);
	text(who, name ? `Sign out ${name}` : 'Sign out');
	live.renew();
});

signIn.addEventListener('click', () => devices.askWho());

who.addEventListener('click', () => {
	api.signOut();
	attribute(who, 'hidden', true);
	attribute(signIn, 'hidden', false);
	live.renew();
});

const DOES = {
	toggle: (machine, { view }) => {
		wishes.set(machine.name, !view.isOpen);
		view.open(!view.isOpen);
		view.show(found);
		past.want(machine.name);
		enable();
	},
	add: (machine) => settings.add(machine, changed),
	tune: (machine, { iothread }) => settings.tune(machine, iothread, changed, showFailure),
	remove: (machine, { iothread }) => devices.remove(machine, iothread, changed),
	attach: (machine, { iothread }) => devices.attach(machine, iothread, changed, showFailure),
	detach: (machine, { device }) => devices.detach(machine, device, changed)
};

list.addEventListener('click', (event) => {
	const asked = event.target.closest('[data-do]');
	if (!asked) {
		return;
	}
	const at = (what) => asked.closest(`[data-${what}]`)?.dataset[what];
	const machine = fleet.machines.get(at('machine'));
	if (machine) {
		DOES[asked.dataset.do](machine, { view: views.get(machine.name), iothread: at('iothread'), device: at('device') });
	}
});

document.addEventListener('click', async ({ target }) => {
	const asked = target.closest?.('[data-copy]');
	if (asked) {
		await toClipboard(asked.dataset.copy);
		news.say(`Copied: ${asked.dataset.copy}`);
	}
});

list.addEventListener('pointerenter', (event) => {
	pointed = event.pointerType === 'mouse';
});

list.addEventListener('pointerleave', () => {
	pointed = false;
});

function foldAll(whether) {
	for (const name of fleet.machines.keys()) {
		wishes.set(name, whether);
		views.get(name).open(whether);
	}
	reorder = true;
	fleet.machines.forEach((machine) => dirty.add(machine));
	schedule();
}

document.getElementById('expand').addEventListener('click', () => foldAll(true));
document.getElementById('collapse').addEventListener('click', () => foldAll(false));
document.getElementById('again').addEventListener('click', () => live.needsSignIn ? devices.askWho() : live.again());

addEventListener('keydown', (event) => {
	const typing = event.target.closest?.('input, select, textarea, dialog');
	if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
		event.preventDefault();
		find.focus();
		find.select();
	}
});

connection.show(live);

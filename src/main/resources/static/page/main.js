import * as api from './api.js';
import { attribute, arrange, text } from './dom.js';
import { byName, count } from './format.js';
import { Fleet } from './model.js';
import { Live } from './live.js';
import { ConnectionView, MachineView, News } from './view.js';
import * as dialogs from './dialogs.js';

// How many machines are open from the beginning.
const OPEN = 6;

// Machines that a search found are opened when they are at most this many.
const OPEN_FOUND = 10;

// Of a frame of 16 ms.
const SHARE_OF_FRAME = 8;

const fleet = new Fleet();
const live = new Live(fleet);
const news = new News();
const connection = new ConnectionView();
const views = new Map();
const dirty = new Set();

const list = document.getElementById('list');
const find = document.getElementById('find');
const sort = document.getElementById('sort');
const empty = document.getElementById('empty');

let scheduled = false;
let reorder = true;
let words = [];
let remembering = 0;

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
	if (reorder) {
		reorder = false;
		order();
	}
	const machines = [...fleet.machines.values()];
	const sum = (of) => machines.reduce((total, machine) => total + of(machine), 0);
	text(document.getElementById('totals'), live.state === 'connecting' ? ''
		: [count(machines.length, 'machine'), count(sum((machine) => machine.iothreads.size), 'IOThread'),
			count(sum((machine) => machine.devices.size), 'device')].join(' · '));
}

function found(...texts) {
	return words.length > 0 && words.some((word) => texts.some((candidate) => candidate.toLowerCase().includes(word)));
}

const ORDERS = {
	name: () => 0,
	busy: (one, other) => (other.rate ?? 0) - (one.rate ?? 0) || (other.cpu ?? 0) - (one.cpu ?? 0) || other.attached - one.attached,
	uneven: (one, other) => Boolean(other.busiest) - Boolean(one.busiest) || other.ratio - one.ratio,
	state: (one, other) => one.isUp - other.isUp
};

// Which are shown, and in which order.
function order() {
	for (const name of views.keys()) {
		if (!fleet.machines.has(name)) {
			views.delete(name);
		}
	}
	const key = sort.value === 'state' ? (machine) => machine : (machine) => machine.summary;
	const machines = [...fleet.machines.values()];
	const shown = machines.filter((machine) => words.every((word) => machine.summary.words.includes(word)))
		.sort((one, other) => ORDERS[sort.value](key(one), key(other)) || byName(one.name, other.name));
	const inside = words.length > 0 && shown.length <= OPEN_FOUND;
	for (const machine of shown) {
		const view = views.get(machine.name);
		const wish = wishes.get(machine.name) ?? (inside && !words.every((word) => machine.name.toLowerCase().includes(word))
			|| machines.length <= OPEN);
		if (view.open(wish) && wish) {
			view.show(found);
		}
	}
	arrange(list, shown.map((machine) => views.get(machine.name).element));
	text(document.getElementById('found'), words.length > 0 ? `${shown.length} of ${count(machines.length, 'machine')}` : '');
	attribute(empty, 'hidden', shown.length > 0 || live.state === 'connecting');
	text(empty, machines.length > 0 ? 'No machine has anything of that name.'
		: 'The service knows no machine yet: its configuration names none, or the directory it looks into has no sockets.');
}

fleet.addEventListener('change', ({ detail: machine }) => {
	dirty.add(machine);
	schedule();
});

fleet.addEventListener('machines', () => {
	for (const machine of fleet.machines.values()) {
		if (views.get(machine.name)?.machine !== machine) {
			views.set(machine.name, new MachineView(machine));
		}
	}
	reorder = true;
	schedule();
});

// Rates change all the time: the order follows while the user is not pointing at the
// list. A search may match what has changed.
fleet.addEventListener('change', () => {
	if ((sort.value !== 'name' && !pointed) || words.length > 0) {
		reorder = true;
	}
});

live.addEventListener('state', () => {
	connection.show(live);
	document.body.dataset.connection = live.state;
	if (live.state === 'live') {
		schedule();
	}
});

const SAID = {
	'machine-up': (data) => `${data.name} is up`,
	'machine-down': (data) => `${data.name} is ${data.state}`,
	'machine-changed': (data) => data['run-state'] ? `${data.name}’s guest is ${data['run-state']}` : '',
	'iothread-added': (data) => `${data.machine}: IOThread ${data.id} was added`,
	'iothread-removed': (data) => `${data.machine}: IOThread ${data.id} is removed`,
	'device-attached': (data) => `${data.machine}: ${data.id} is now on ${data.iothreads.join(' and ') || 'the main loop'}`,
	'device-detached': (data) => `${data.machine}: ${data.id} is detached`,
	'device-changed': (data) => ['attached', 'main-loop'].includes(data.state) ? '' : `${data.machine}: ${data.id} is ${data.state}`
};

live.addEventListener('event', ({ detail: { kind, data } }) => {
	const said = SAID[kind]?.(data);
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

const who = document.getElementById('who');

dialogs.whenSignedIn((name) => {
	attribute(who, 'hidden', false);
	text(who, name ? `Sign out ${name}` : 'Sign out');
	live.renew();
});

who.addEventListener('click', () => {
	api.signOut();
	attribute(who, 'hidden', true);
	live.renew();
});

const DOES = {
	toggle: (machine, { view }) => {
		wishes.set(machine.name, !view.isOpen);
		view.open(!view.isOpen);
		view.show(found);
	},
	add: (machine) => dialogs.add(machine, changed),
	tune: (machine, { iothread }) => dialogs.tune(machine, iothread, changed, dialogs.showFailure),
	remove: (machine, { iothread }) => dialogs.remove(machine, iothread, changed),
	attach: (machine, { iothread }) => dialogs.attach(machine, iothread, changed, dialogs.showFailure),
	detach: (machine, { device }) => dialogs.detach(machine, device, changed)
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

list.addEventListener('pointerenter', (event) => {
	pointed = event.pointerType === 'mouse';
});

list.addEventListener('pointerleave', () => {
	pointed = false;
});

function look() {
	words = find.value.toLowerCase().split(/\s+/).filter((word) => word);
	clearTimeout(remembering);
	remembering = setTimeout(remember, 300);
	reorder = true;
	fleet.machines.forEach((machine) => dirty.add(machine));
	schedule();
}

// What is looked for can be handed on, as an address.
function remember() {
	const query = new URLSearchParams(Object.entries({ find: find.value.trim(), sort: sort.value === 'name' ? '' : sort.value })
		.filter(([, value]) => value));
	history.replaceState(null, '', query.size > 0 ? `?${query}` : location.pathname);
}

find.addEventListener('input', look);
sort.addEventListener('change', look);

function foldAll(whether) {
	for (const name of fleet.machines.keys()) {
		wishes.set(name, whether);
		views.get(name).open(whether);
	}
	look();
}

document.getElementById('expand').addEventListener('click', () => foldAll(true));
document.getElementById('collapse').addEventListener('click', () => foldAll(false));
document.getElementById('again').addEventListener('click', () => live.needsSignIn ? dialogs.askWho() : live.again());

addEventListener('keydown', (event) => {
	const typing = event.target.closest?.('input, select, textarea, dialog');
	if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
		event.preventDefault();
		find.focus();
		find.select();
	}
});

const asked = new URLSearchParams(location.search);
find.value = asked.get('find') ?? '';
if (asked.get('sort') in ORDERS) {
	sort.value = asked.get('sort');
}
if (find.value || sort.value !== 'name') {
	look();
}
connection.show(live);

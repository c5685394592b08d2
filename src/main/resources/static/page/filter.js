// Which machines are shown, and in which order. The address keeps both.

import { h, text, attribute, arrange } from './dom.js';
import { byName } from './format.js';

const FIRST = ['up', 'connecting', 'busy', 'down'];

const LAST = ['orphaned', 'unknown', 'detaching', 'uneven'];

// The worst first.
const SEVERITY = { down: 0, busy: 1, connecting: 2, up: 3 };

/** What a machine can be shown by. */
export function marks(machine) {
	const { summary, info } = machine;
	return [info.state, ...machine.runState && machine.runState !== 'running' ? [machine.runState] : [],
		...machine.isUp ? LAST.filter((mark) => summary[mark]) : []];
}

const amount = (of) => (one, other) => (of(other) ?? -1) - (of(one) ?? -1);

const isUneven = { uneven: 3, even: 2, idle: 1 };

/** The order that a column has when it is asked for first: texts forwards, numbers from the largest. */
export const ORDERS = {
	name: () => 0,
	state: (one, other) => SEVERITY[one.info.state] - SEVERITY[other.info.state],
	run: (one, other) => byName(one.runState === 'running' ? '~' : one.runState || '~~', other.runState === 'running' ? '~' : other.runState || '~~'),
	iothreads: amount((machine) => machine.isUp ? machine.summary.threads.length : undefined),
	devices: amount((machine) => machine.isUp ? machine.summary.devices.length : undefined),
	cpu: amount((machine) => machine.summary.cpu),
	operations: amount((machine) => machine.summary.rate),
	balance: (one, other) => (isUneven[other.info.balance?.state] ?? 0) - (isUneven[one.info.balance?.state] ?? 0)
		|| other.summary.ratio - one.summary.ratio
};

/** Where a search, an order and the chips are kept. */
export class Filter extends EventTarget {

	words = [];

	sort = 'name';

	backwards = false;

	chosen = new Set();

	#find = document.getElementById('find');

	#select = document.getElementById('sort');

	#heads = [...document.querySelectorAll('th[data-sort]')];

	#chips = new Map();

	#bar = document.getElementById('chips');

	#remembering = 0;

	constructor() {
		super();
		this.#read(new URLSearchParams(location.search));
		this.#find.addEventListener('input', () => this.#look());
		this.#select.addEventListener('change', () => this.#by(this.#select.value));
		this.#heads.forEach((head) => head.querySelector('button').addEventListener('click', () => this.#by(head.dataset.sort)));
		this.#show();
	}

	get isSearching() {
		return this.words.length > 0;
	}

	#read(asked) {
		this.#find.value = asked.get('find') ?? '';
		this.words = this.#find.value.toLowerCase().split(/\s+/).filter((word) => word);
		const [, minus, by] = (asked.get('sort') ?? '').match(/^(-?)(.*)$/);
		if (by in ORDERS) {
			this.sort = by;
			this.backwards = Boolean(minus);
		}
		this.chosen = new Set((asked.get('show') ?? '').split(',').filter((mark) => mark));
	}

	#look() {
		this.words = this.#find.value.toLowerCase().split(/\s+/).filter((word) => word);
		this.#changed();
	}

	#by(sort) {
		this.backwards = this.sort === sort && !this.backwards;
		this.sort = sort;
		this.#show();
		this.#changed();
	}

	#choose(mark) {
		if (!this.chosen.delete(mark)) {
			this.chosen.add(mark);
		}
		this.#changed();
	}

	#show() {
		this.#select.value = this.sort;
		const down = ['name', 'state', 'run'].includes(this.sort) === this.backwards;
		this.#heads.forEach((head) => attribute(head, 'aria-sort', head.dataset.sort !== this.sort ? null : down ? 'descending' : 'ascending'));
	}

	#changed() {
		clearTimeout(this.#remembering);
		this.#remembering = setTimeout(() => this.#remember(), 300);
		this.dispatchEvent(new CustomEvent('change'));
	}

	#remember() {
		const query = new URLSearchParams(Object.entries({ find: this.#find.value.trim(), show: [...this.chosen].join(','),
			sort: this.sort === 'name' && !this.backwards ? '' : (this.backwards ? '-' : '') + this.sort }).filter(([, value]) => value));
		history.replaceState(null, '', query.size > 0 ? `?${query}`.replaceAll('%2C', ',') : location.pathname);
	}

	/** Counts what there is: a chip for each mark that a machine has, or that is chosen. */
	count(machines) {
		const counts = new Map([...this.chosen].map((mark) => [mark, 0]));
		const add = (mark, more = 1) => counts.set(mark, (counts.get(mark) ?? 0) + more);
		for (const machine of machines) {
			marks(machine).forEach((mark) => add(mark, ['orphaned', 'detaching'].includes(mark) ? machine.summary[mark] : 1));
		}
		const others = [...counts.keys()].filter((mark) => ![...FIRST, ...LAST].includes(mark)).sort();
		const shown = [...FIRST, ...others, ...LAST].filter((mark) => counts.has(mark));
		arrange(this.#bar, shown.map((mark) => {
			const chip = this.#chips.get(mark) ?? h('button.chip', { type: 'button', 'data-mark': mark, click: () => this.#choose(mark) });
			this.#chips.set(mark, chip);
			text(chip, `${counts.get(mark)} ${mark}`);
			attribute(chip, 'aria-pressed', String(this.chosen.has(mark)));
			return chip;
		}));
	}

	/** Returns those that are to be shown, in order. */
	of(machines) {
		const order = ORDERS[this.sort];
		const direction = this.backwards ? -1 : 1;
		return machines.filter((machine) => this.words.every((word) => machine.summary.words.includes(word))
			&& (this.chosen.size === 0 || marks(machine).some((mark) => this.chosen.has(mark))))
			.sort((one, other) => direction * (order(one, other) || byName(one.name, other.name)));
	}

}

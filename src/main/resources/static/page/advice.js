// What the service advises to change. Nothing is done by itself.

import { copy, h, text, attribute, hide } from './dom.js';
import { NOTHING, byName, percent } from './format.js';

// What is to be typed somewhere, and what is said.
const isCommand = (line) => /^(-|<|\$|curl |qm |virsh |taskset |echo )/.test(line);

function whatToDo(line) {
	if (!isCommand(line)) {
		return h('p', {}, line);
	}
	const copied = copy();
	copied.offer(line);
	return h('p.command', {}, h('code', {}, line), copied);
}

// Where the devices run, and where they would.
function placement({ before, after }) {
	const cell = (places, id) => {
		const place = places.find(({ iothread }) => iothread === id);
		return h('td', {}, place ? [percent(place['share-percent'] / 100), place.devices.join(', ')].filter((words) => words).join(': ') : NOTHING);
	};
	const ids = [...new Set([...before, ...after].map(({ iothread }) => iothread))].sort(byName);
	return h('table.places', {}, h('thead', {}, h('tr', {}, ...['IOThread', 'Now', 'Afterwards'].map((name) => h('th', { scope: 'col' }, name)))),
		h('tbody', {}, ...ids.map((id) => h('tr', {}, h('th', { scope: 'row' }, id), cell(before, id), cell(after, id)))));
}

export class AdviceView {

	#shown = '';

	constructor(machine) {
		this.list = h('ul', { role: 'list' });
		this.reason = h('p.none');
		this.element = h('section.advice', { 'aria-label': `Advice for ${machine.name}`, hidden: true }, h('h3', {}, 'Advice'), this.reason, this.list);
	}

	show(said) {
		hide(this.element, !said);
		if (!said) {
			return;
		}
		hide(this.reason, !said.reason);
		text(this.reason, said.reason ?? '');
		const now = JSON.stringify(said.advice);
		if (now !== this.#shown) {
			this.#shown = now;
			this.list.replaceChildren(...said.advice.map((advice) => h('li', { 'data-rule': advice.rule, 'data-severity': advice.severity },
				h('p.words', {}, advice.text), advice.before && advice.after ? placement(advice) : null, ...[advice.do ?? []].flat().map(whatToDo))));
		}
		attribute(this.list, 'hidden', said.advice.length === 0);
	}

}

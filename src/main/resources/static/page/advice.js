// What the service advises to change. Nothing is done by itself.

import { copy, h, text, attribute, hide } from './dom.js';

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
				h('p.words', {}, advice.text), ...[advice.do ?? []].flat().map(whatToDo))));
		}
		attribute(this.list, 'hidden', said.advice.length === 0);
	}

}

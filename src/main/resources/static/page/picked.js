// Machines and devices that are picked, and what is done with all of them.

import { text, attribute } from './dom.js';
import { count, list } from './format.js';
import * as devices from './devices.js';
import * as settings from './settings.js';

export class Picked {

	#bar = document.getElementById('picked');

	#words = document.getElementById('picked-words');

	#list = document.getElementById('list');

	#all = document.getElementById('pick-all');

	constructor(fleet, changed) {
		this.fleet = fleet;
		this.changed = changed;
		document.addEventListener('change', ({ target }) => {
			if (target === this.#all) {
				this.#list.querySelectorAll('.row .pick:not([hidden])').forEach((box) => {
					box.checked = target.checked;
				});
			}
			if (target === this.#all || target.matches('[data-pick]')) {
				this.show();
			}
		});
		document.getElementById('detach-picked').addEventListener('click', () => devices.detachAll(this.#devices(), (words) => this.#done(words)));
		document.getElementById('tune-picked').addEventListener('click', () => settings.tuneAll(this.#machines(), (words) => this.#done(words)));
		document.getElementById('pick-none').addEventListener('click', () => this.clear());
	}

	// Those that are picked and still there.
	#boxes(css) {
		return [...this.#list.querySelectorAll(css)].filter((box) => box.checked && !box.hidden);
	}

	#machines() {
		return this.#boxes('.row .pick').map((box) => this.fleet.machines.get(box.closest('.machine').dataset.machine)).filter((machine) => machine?.isUp);
	}

	// A device that runs on several IOThreads is there once for each.
	#devices() {
		const picked = this.#boxes('.device .pick').map((box) => {
			const { machine } = box.closest('.machine').dataset;
			const id = box.closest('.device').dataset.device;
			return { name: `${machine}: ${id}`, machine, id };
		});
		return [...new Map(picked.map((device) => [device.name, device])).values()];
	}

	#done(words) {
		this.clear();
		this.changed(words);
	}

	clear() {
		this.#list.querySelectorAll('.pick').forEach((box) => {
			box.checked = false;
		});
		this.show();
	}

	show() {
		const machines = this.#machines();
		const picked = this.#devices();
		const words = [machines.length > 0 ? count(machines.length, 'machine') : '', picked.length > 0 ? count(picked.length, 'device') : ''].filter((word) => word);
		attribute(this.#bar, 'hidden', words.length === 0);
		text(this.#words, words.length > 0 ? `${list(words)} selected` : '');
		attribute(document.getElementById('detach-picked'), 'hidden', picked.length === 0);
		attribute(document.getElementById('tune-picked'), 'hidden', machines.length === 0);
		this.#all.checked = machines.length > 0 && this.#list.querySelectorAll('.row .pick:not([hidden])').length === machines.length;
	}

}

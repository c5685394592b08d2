// Making elements, and changing no more of them than has changed.

/**
 * Makes an element: h('button.quiet', { type: 'button' }, 'Tune').
 */
export function h(what, attributes = {}, ...children) {
	const [tag, ...classes] = what.split('.');
	const element = document.createElement(tag);
	if (classes.length > 0) {
		element.className = classes.join(' ');
	}
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === 'function') {
			element.addEventListener(name, value);
		}
		else {
			attribute(element, name, value);
		}
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
	const element = document.createElementNS(SVG, tag);
	Object.entries(attributes).forEach(([name, value]) => attribute(element, name, value));
	element.append(...children);
	return element;
}

/** A button that copies a text: its words, or a sign where it stands behind what it copies. */
export function copy(words = '') {
	const element = h(words ? 'button.copy.words' : 'button.copy', { type: 'button' }, words);
	element.offer = (value, of = value) => {
		attribute(element, 'data-copy', String(value));
		attribute(element, 'title', `Copy ${value}`);
		attribute(element, 'aria-label', `Copy ${of}`);
	};
	return element;
}

/** Puts a text on the clipboard. Browsers offer theirs to pages by HTTPS and of this host only. */
export async function toClipboard(value) {
	if (navigator.clipboard) {
		await navigator.clipboard.writeText(value);
		return;
	}
	const area = h('textarea', { 'aria-hidden': 'true' });
	const before = document.activeElement;
	area.value = value;
	(document.querySelector('dialog[open]') ?? document.body).append(area);
	area.select();
	document.execCommand('copy');
	area.remove();
	before.focus();
}

export function text(element, value) {
	if (element.textContent !== value) {
		element.textContent = value;
	}
}

export function attribute(element, name, value) {
	if (value === null || value === undefined || value === false) {
		if (element.hasAttribute(name)) {
			element.removeAttribute(name);
		}
	}
	else if (element.getAttribute(name) !== String(value === true ? '' : value)) {
		element.setAttribute(name, value === true ? '' : value);
	}
}

export function property(element, name, value) {
	if (element.style.getPropertyValue(name) !== value) {
		element.style.setProperty(name, value);
	}
}

/**
 * Lets a parent have these children, in this order. What has the focus is not moved, so
 * that it keeps it: the others go around it.
 */
export function arrange(parent, wanted) {
	const keep = new Set(wanted);
	for (const child of [...parent.children]) {
		if (!keep.has(child)) {
			child.remove();
		}
	}
	const focused = wanted.findIndex((child) => child.parentNode === parent && child.contains(document.activeElement));
	let cursor = parent.firstElementChild;
	wanted.forEach((child, index) => {
		while (index === focused && cursor !== child) {
			const later = cursor;
			cursor = cursor.nextElementSibling;
			parent.append(later);
		}
		if (cursor === child) {
			cursor = cursor.nextElementSibling;
		}
		else {
			parent.insertBefore(child, cursor);
		}
	});
}

/**
 * Keeps one view for each item: adds views of new items, removes the others, and lets
 * each show its item.
 */
export class Views {

	#views = new Map();

	constructor(parent, make) {
		this.parent = parent;
		this.make = make;
	}

	show(items, key) {
		const shown = new Map();
		for (const item of items) {
			const view = this.#views.get(key(item)) ?? this.make(item);
			view.show(item);
			shown.set(key(item), view);
		}
		this.#views = shown;
		const elements = [...shown.values()].map((view) => view.element);
		const same = elements.length === this.parent.children.length
			&& elements.every((element, index) => this.parent.children[index] === element);
		if (!same) {
			passFocus(this.parent, new Set(elements));
			arrange(this.parent, elements);
		}
	}

}

/** Shows an element, or hides it. What is hidden gives the focus to its machine. */
export function hide(element, whether) {
	if (whether && element.contains(document.activeElement)) {
		homeOf(element.parentElement).focus({ preventScroll: true });
	}
	attribute(element, 'hidden', whether);
}

/** What gets the focus when an element is removed: the machine it was in. */
export function homeOf(element) {
	return element.closest('.machine')?.querySelector('[data-home]') ?? document.getElementById('machines');
}

// When the element with the focus is removed, its machine gets the focus.
function passFocus(parent, staying) {
	const focused = document.activeElement;
	if (!parent.contains(focused)) {
		return;
	}
	const child = [...parent.children].find((candidate) => candidate.contains(focused));
	if (child && !staying.has(child)) {
		homeOf(parent).focus({ preventScroll: true });
	}
}

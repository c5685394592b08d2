/**
 * Controllers, and the JSON and text that they answer with. Member names are QEMU's own,
 * in QAPI's kebab-case.
 */
@NullMarked
package dev.iothreads.web.api;

import org.jspecify.annotations.NullMarked;

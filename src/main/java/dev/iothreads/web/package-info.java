/**
 * The HTTP side: controllers that only translate, the representations they answer with,
 * and the problem details of everything that can go wrong. The names on the wire are
 * QEMU's own, in QAPI's kebab-case.
 */
@NullMarked
package dev.iothreads.web;

import org.jspecify.annotations.NullMarked;

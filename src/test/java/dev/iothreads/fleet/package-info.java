/**
 * The whole service, over HTTP, in front of many QEMUs and of monitors that mean it no
 * good: whatever becomes of one of them, the others are answered for as if nothing were,
 * and nothing is left behind.
 */
@NullMarked
package dev.iothreads.fleet;

import org.jspecify.annotations.NullMarked;

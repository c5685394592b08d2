/**
 * The page, in a real browser, as its user has it: in front of the demo machine, of real
 * QEMUs and of many machines. What it looks like is left in {@code target/page}.
 */
@NullMarked
package dev.iothreads.page;

import org.jspecify.annotations.NullMarked;

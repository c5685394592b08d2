/**
 * The service layer: the inventory of machines, their readings and changes, and the rules
 * that hold for every machine.
 */
@NullMarked
package dev.iothreads.inventory;

import org.jspecify.annotations.NullMarked;

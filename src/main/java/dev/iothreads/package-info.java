/**
 * The application: its configuration properties, and the wiring of the rooms beneath.
 */
@NullMarked
package dev.iothreads;

import org.jspecify.annotations.NullMarked;

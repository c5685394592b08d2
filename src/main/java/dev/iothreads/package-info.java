/**
 * The application, its configuration properties, and the wiring of the other packages.
 */
@NullMarked
package dev.iothreads;

import org.jspecify.annotations.NullMarked;

/**
 * The service beside real Linux guests.
 */
@NullMarked
package dev.iothreads.guest;

import org.jspecify.annotations.NullMarked;

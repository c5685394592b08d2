/**
 * The HTTP side. Here are the limits; packages below have the rest.
 */
@NullMarked
package dev.iothreads.web;

import org.jspecify.annotations.NullMarked;

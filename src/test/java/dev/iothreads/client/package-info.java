/**
 * Clients that are made from the service's OpenAPI document.
 */
@NullMarked
package dev.iothreads.client;

import org.jspecify.annotations.NullMarked;

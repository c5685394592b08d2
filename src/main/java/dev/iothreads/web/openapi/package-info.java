/**
 * The OpenAPI document of the API.
 */
@NullMarked
package dev.iothreads.web.openapi;

import org.jspecify.annotations.NullMarked;

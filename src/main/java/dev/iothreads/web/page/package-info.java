/**
 * Headers and caching of the page in {@code static} and of Swagger UI.
 */
@NullMarked
package dev.iothreads.web.page;

import org.jspecify.annotations.NullMarked;

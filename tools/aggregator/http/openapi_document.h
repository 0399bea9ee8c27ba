#pragma once

#include <string_view>

namespace cubby::aggregator {

/// docs/spec/openapi.json, put into the program when it is built.
extern const std::string_view kOpenApiDocument;

}  // namespace cubby::aggregator

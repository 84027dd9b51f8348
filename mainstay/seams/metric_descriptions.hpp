/// What each metric means, for the pages that show them: one sentence a name.
#pragma once

#include <string_view>

namespace mainstay {

/// What the metric called `name` counts or measures; its own name when it is not one of ours.
std::string_view description_of(std::string_view name);

}  // namespace mainstay

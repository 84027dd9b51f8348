/// Everything that a program needs to replicate its state machine: `mainstay::instance` and the
/// completion tokens of Boost.Asio. It adds nothing of its own.
#pragma once

#include "mainstay/defaults.hpp"
#include "mainstay/runtime/asio/completion.hpp"

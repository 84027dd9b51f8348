/// How asynchronous calls hand back their result (R25): every call takes a completion token, and
/// one mechanism turns the token into a handler and a return value. A callback is the token that
/// needs nothing; others are taught by specializing `completion`.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

namespace mainstay {

/// What the library calls, once, with the result.
template <class Result>
using completion_handler = std::move_only_function<void(Result)>;

/// True for tokens that have a `completion` of their own although they may look like callables.
template <class Token>
inline constexpr bool has_own_completion = false;

/// The way of one kind of token. A specialization has
/// `static auto initiate(Initiation&&, Token)`, which calls the initiation once with a
/// `completion_handler<Result>` and returns what the caller of the operation gets.
template <class Token, class Result>
struct completion;

/// A callback: called with the result, nothing is returned.
template <class Token, class Result>
  requires std::invocable<Token&, Result> && (!has_own_completion<Token>)
struct completion<Token, Result> {
  template <class Initiation>
  static void initiate(Initiation&& initiation, Token token) {
    std::forward<Initiation>(initiation)(completion_handler<Result>(std::move(token)));
  }
};

/// A type that may be given to an asynchronous call whose result is `Result`.
template <class Token, class Result>
concept completion_token = requires { sizeof(completion<std::decay_t<Token>, Result>); };

/// Starts an operation in the token's way.
template <class Result, class Initiation, completion_token<Result> Token>
auto initiate(Initiation&& initiation, Token&& token) {
  return completion<std::decay_t<Token>, Result>::initiate(std::forward<Initiation>(initiation),
                                                           std::forward<Token>(token));
}

}  // namespace mainstay

/// Teaches the library's asynchronous calls the completion tokens of Boost.Asio: `use_future`,
/// `use_awaitable`, `deferred` and handlers bound to an executor.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "mainstay/seams/future.hpp"

namespace mainstay {

/// `use_future`: the operation returns a std::future.
template <class Allocator>
inline constexpr bool has_own_completion<boost::asio::use_future_t<Allocator>> = true;
/// `use_awaitable`: the operation is awaited by a coroutine.
template <class Executor>
inline constexpr bool has_own_completion<boost::asio::use_awaitable_t<Executor>> = true;
/// `deferred`: the operation starts when its result is called.
template <>
inline constexpr bool has_own_completion<boost::asio::deferred_t> = true;
/// `bind_executor`: the handler runs on that executor.
template <class Token, class Executor>
inline constexpr bool has_own_completion<boost::asio::executor_binder<Token, Executor>> = true;

/// Asio's own protocol: the handler is dispatched through its associated executor, which is kept at
/// work until then, so that a context that has nothing else to do still waits for it.
template <class Token, class Result>
  requires has_own_completion<Token>
struct completion<Token, Result> {
  template <class Initiation>
  static auto initiate(Initiation&& initiation, Token token) {
    return boost::asio::async_initiate<Token, void(Result)>(
        [start = std::forward<Initiation>(initiation)](auto&& handler) mutable {
          auto work = boost::asio::make_work_guard(boost::asio::get_associated_executor(handler));
          start(completion_handler<Result>([h = std::forward<decltype(handler)>(handler),
                                            w = std::move(work)](Result result) mutable {
            boost::asio::dispatch(w.get_executor(),
                                  [h2 = std::move(h), r = std::move(result)]() mutable {
                                    std::move(h2)(std::move(r));
                                  });
          }));
        },
        token);
  }
};

}  // namespace mainstay

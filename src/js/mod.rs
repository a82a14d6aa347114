//! The wasm-bindgen binding: conversion and names only.
//!
//! The TypeScript face is its only caller: it reads options and hands over their parts, errors leave as arrays that
//! it turns into `GatepassError`s, events go to methods of a `sink`.

#![allow(unnameable_types, reason = "JavaScript names them")]

mod connection;
mod error;
mod events;
mod parts;
mod session;

/// Half the size of std's own allocator for wasm; a Rust app chooses for itself.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

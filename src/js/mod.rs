//! The wasm-bindgen binding: conversion and names only.
//!
//! The TypeScript face is its only caller: options arrive as one object each, errors leave as plain objects that the face
//! turns into `GatepassError`s, events go to methods of a `sink`.

#![allow(unnameable_types, reason = "JavaScript names them")]

mod connection;
mod error;
mod events;
mod options;
mod session;

import "./trusted";
import "../ui/base.css";
import { render } from "preact";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
